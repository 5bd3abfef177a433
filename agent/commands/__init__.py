"""The commands of `handeye`, one file each; `agent.cli` imports the one that is used."""
