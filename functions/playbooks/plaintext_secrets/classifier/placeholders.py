"""What stands where a secret will be: nothing, CHANGEME, <your-key>, ${VAR}, xxxx, ****."""

from __future__ import annotations

import re

from functions.playbooks.plaintext_secrets.classifier.pattern import Pattern
from functions.playbooks.plaintext_secrets.classifier.randomness import is_repeated, origin
from functions.playbooks.plaintext_secrets.classifier.verdict import Verdict, harmless
from functions.playbooks.plaintext_secrets.classifier.vocabulary import RESOURCE, words

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NOTHING = words(
    """none null nil undefined n/a na no yes true false on off enabled disabled empty blank unset unused notused notset
    default tbd todo fixme xxx foo bar baz foobar redacted masked hidden placeholder dummy fake example sample
    changeme changeit change test testing mock unknown missing void optional required ignored deprecated removed
    managed auto automatic generated"""
)
_FILLER_WORDS = words(
    """your my change changeme changeit replace replaceme insert placeholder example dummy fake sample redacted todo
    tbd fixme enter fill put masked notreal mock lorem ipsum goes someone something whatever set managed supply
    provide specify paste omitted removed hidden obfuscated bogus yours votre ton dein deine ihr seu sua tuo tua
    tvoj twoj twoje uw jouw"""
)
_UNMISTAKABLE = (
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "replaceme",
    "replace_me",
    "replace-me",
    "****",
    "####",
    "<your",
    "your_",
    "your-",
)
_POINTERS = words("see ask contact stored kept lives find get")
_TEMPLATES = (
    Pattern(r"\$\{[^{}]{1,200}\}|\$\{\{[^{}]{1,200}\}\}|\$\{[^{}]{0,80}\$\{[^{}]{0,80}\}[^{}]{0,80}\}"),
    Pattern(r"\{\{.{1,300}\}\}", re.DOTALL),
    Pattern(r"\$(?:[A-Za-z_]+|[A-Z_][A-Z0-9_]*)(?:\.\w+)*|\$\d|\$\([^()]{1,200}\)|`[^`]{1,200}`"),
    Pattern(r"%\(\w+\)[sd]|%[A-Za-z_]\w*%|%[sdv]|#\{[^{}]{1,200}\}#?|<%.{1,200}%>|@[A-Za-z_]\w*@"),
    Pattern(r"<[^<>\s]{1,60}>(?:[:/@]<[^<>\s]{1,60}>){1,3}|\$\{[^{}]{1,80}\}(?:[:/@]\$\{[^{}]{1,80}\}){1,3}"),
    Pattern(r"@@\w{1,80}@@|\[\[[\w. -]{1,80}\]\]"),
    Pattern(r"<[^<>\s=](?:[^<>=]{0,78}[^<>\s])?>|\[[A-Za-z_][\w -]{0,78}\]|\{[A-Za-z_][\w. -]{0,78}\}|<<\w+>>"),
    Pattern(r"__[A-Za-z][A-Za-z0-9_]*__|\(\([\w./-]{1,80}\)\)|!(?:Ref|GetAtt|Sub|ImportValue)\s.*"),
    Pattern(
        r"(?:process\.env|os\.environ|os\.getenv|System\.getenv|ENV|env|var|data|local|module|secrets|config)"
        r"(?:\.[A-Za-z_][\w.\-]*|[\[(][\"']?[A-Za-z_][\w./\-]*[\"']?[\])])+"
    ),
)
_CHOSEN = Pattern(r"[!@#$%^&*]\w{0,40}\d|\d[!@#$%^&*]")
_LONGEST_TEMPLATE, _LONGEST_WORD, _LONGEST_FILLER = 400, 60, 200


def words_of(text: str) -> list[str]:
    """Return the words of a value as they stand, in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def placeholder(text: str) -> Verdict | None:
    """Recognise a value that is no value; None where it may be one."""
    bare = text.strip().strip("\"'").strip()
    if not bare:
        return harmless("placeholder", "there is nothing in it")
    if not any(character.isalnum() for character in bare):
        return harmless("placeholder", "it is filler, not a value")
    if len(bare) <= _LONGEST_TEMPLATE and any(template.fullmatch(bare) for template in _TEMPLATES):
        return harmless("template", "it is a template that something else fills in")
    if len(bare) < _LONGEST_WORD and re.sub(r"[^a-z0-9/]", "", bare.lower()) in _NOTHING:
        return harmless("placeholder", "it is a word that says that no value is set")
    if len(bare) < _LONGEST_FILLER and _is_filler(bare):
        return harmless("placeholder", "it is a placeholder that asks for a value")
    if is_repeated(bare):
        return harmless("placeholder", "it only repeats the same characters")
    return None


def _is_filler(text: str) -> bool:
    low = text.lower()
    if "EXAMPLE" in text or low.endswith("...") or "xxxxxx" in low or any(filler in low for filler in _UNMISTAKABLE):
        return True
    found = words_of(text)
    if not found or origin(text) == "generated":
        return False
    if "xxxx" in low or found[:2] == ["to", "be"]:
        return True
    if (text[0] == "(" and text[-1] == ")" and " " in text) or (found[0] in _POINTERS and len(found) > 1):
        return not re.search(r"[!@#$%^&*]|\d{2}", text)  # "see the vault", "(ask ops)"
    filler = sum(word in _FILLER_WORDS for word in found)
    asks = (
        filler * 2 >= len(found)
        or found[0] in _FILLER_WORDS
        or all(word in RESOURCE or word in _FILLER_WORDS for word in found)
    )
    # Example2023! has the word in it and is a password all the same.
    return bool(filler) and asks and not _CHOSEN.search(text)
