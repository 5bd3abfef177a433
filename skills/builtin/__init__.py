"""The built-in skills, one file each; the registry finds every skill in this folder."""
