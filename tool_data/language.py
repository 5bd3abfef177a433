"""The language a request is written in, told by its script and its commonest words; no model, no download.

Requests are short and typed without accents, so a request whose words are in no list, or in two alike, is "unknown"
rather than a guess.
"""

import re
import unicodedata
from collections import Counter

from .split import tokens

UNKNOWN = "unknown"
"""What is told where nothing tells."""

_COMMON = {
    "en": "a about all am an and any are as at be but by can could did do does for from get give had has have "
    "hello hey hi how i if in into is it its just let like look make many me much my no not of on one "
    "only or our out please put say see she he show so some take tell than thank thanks that the their "
    "them then there these they this those to turn up us use want was we were what when where which who "
    "why will with would you your everyone everything",
    "es": "a al algo algun aqui cada como con cual cuando cuanto cuantos cuantas cuanta de del desde donde el "
    "ella en entre era eres es esa ese eso esta estas este esto estos estan fue gracias hace hay hola la "
    "las le les lo los mas me mi mis mira muy ni no nos o oye para pero por porfa porque pon puede puedes "
    "que quien quiero quita saca se ser si sin sobre solo son su sus tambien te tengo tiene tienes todo "
    "todos toda todas tu un una unas uno unos va vale y ya yo dime dame haz hazme foto imagen",
    "fr": "au aux avec c ce ces cette combien comment d dans de des du elle en est et eux fait il ils j je l la "
    "le les leur lui ma mais me merci mes moi mon ne nous on ou par pas plus pour qu que quel quelle qui "
    "quoi s sa sans se ses si sont sur ta te tes toi ton tu un une vous y cest bonjour voici",
    "de": "aber alle als am an auf aus bei bin bist bitte da das dass dem den der des die dir du ein eine einem "
    "einen einer er es fur hat hier ich ihr im in ist ja kann kannst man mein meine mich mir mit nach "
    "nicht noch nur oder sie sind so und uns viele von vor war was welche wem wen wer wie wir wird wo zu "
    "zum zur danke hallo",
    "pt": "a ao aos as com como da das de dele do dos e ela ele em era essa esse esta este eu foi ha isso isto "
    "mais mas me meu minha muito na nao nas no nos o obrigado obrigada onde os ou para pela pelo por "
    "quais qual quando quantas quantos que quem sao se sem ser seu sua tem ter todas todos um uma umas "
    "voce",
    "it": "al alla anche che chi ci come con cosa cui da dal dalla degli dei del della di dove e ed gli grazie "
    "ha hai ho i il in io la le lei lo loro lui ma mi mia mio molto nel nella no noi non o per perche piu "
    "puoi quale quali quando quanti quante questa queste questi questo se sei si sono su sua suo ti tu "
    "tutti tutte un una uno",
}  # fmt: skip
_WORDS = {language: frozenset(told.split()) for language, told in _COMMON.items()}
_SHARED = Counter(word for words in _WORDS.values() for word in words)
"""Word -> lists it stands in; a word of few languages tells more."""

_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "zh", "CYRILLIC": "ru", "ARABIC": "ar", "HEBREW": "he",
    "GREEK": "el", "DEVANAGARI": "hi", "THAI": "th",
}  # fmt: skip
_MARKS = (("es", re.compile("[¿¡ñ]")), ("de", re.compile("ß")), ("pt", re.compile("[ãõ]")))
"""Letters that only one of the languages writes."""


def language_of(text: str) -> str:
    """Return an ISO 639-1 code (en, es, fr, de, pt, it, or that of another script), or "unknown"."""
    scripts = Counter(unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha())
    named = {script: count for script, count in scripts.items() if script in _SCRIPTS}
    if 2 * sum(named.values()) > scripts.total():
        kana = named.keys() & {"HIRAGANA", "KATAKANA"}
        return "ja" if kana else _SCRIPTS[max(named, key=lambda script: named[script])]
    points = dict.fromkeys(_WORDS, 0.0)
    for word in tokens(text):
        for language, words in _WORDS.items():
            points[language] += 1 / _SHARED[word] if word in words else 0.0
    for language, letters in _MARKS:
        points[language] += 2.0 if letters.search(text.casefold()) else 0.0
    best, second = sorted(points.values(), reverse=True)[:2]
    return max(points, key=lambda language: points[language]) if best > second else UNKNOWN
