"""How a name may sound, guessed from its letters, for a dictionary that doesn't have it.

Two readings of each name, as an American who sees it for the first time would try them: the English one, and one in
which vowels have the values that most other languages give them. The sounds are those of the CMU dictionary (ARPABET
without stress). Guesses: a name that is spoken otherwise isn't recognised, as before.
"""

from __future__ import annotations

import re
import unicodedata


def _rules(table: str) -> dict[str, str]:
    """`letters=sounds`, with a stop between sounds; `^` and `$` are where a word begins and ends."""
    return {letters: sounds.replace(".", " ") for letters, sounds in (rule.split("=") for rule in table.split())}


# Letters that would lose what they say if only their marks were taken off.
_MARKED = _rules(
    """
    ä=e  æ=e  ö=er  ø=er  œ=er  å=o  ü=u  ß=ss  ł=w  ñ=ny  ç=s  č=ch  ć=ch  š=sh  ś=sh  ş=sh  ž=zh  ź=zh  ż=zh
    ğ=  ı=i  đ=d  ð=th  þ=th  ř=rzh  ň=ny  ń=ny
    """
)
_BOTH = _rules(
    """
    sch=SH  tch=CH  sh=SH  ch=CH  th=TH  ph=F  ck=K  qu=K.W  zh=ZH  kh=K  gh=G  dh=D  bh=B  ng$=NG  nk=NG.K
    ^kn=N  ^wr=R  ^x=Z  ^ng=AH.N.G  ^mb=AH.M.B  ^nk=AH.N.K  ^nd=AH.N.D  dge=JH  cz=CH  sz=SH  rz=ZH  x=K.S
    air=EH.R  b=B  d=D  f=F  g=G  h$=  h=HH  k=K  l=L  m=M  n=N  p=P  q=K  r=R  s=S  t=T  v=V  w=W  z=Z  c=K  ce=S.EH
    ci=S.IH  cy=S.IY  cc=K  oo=UW  ee=IY  ou=UW  y$=IY
    """
)
_ENGLISH = _rules(
    """
    j=JH  ge=JH.EH  gi=JH.IH  ge$=JH  ce$=S  ea=IY  ai=EY  ay=EY  ei=EY  ey=IY  ie=IY  oa=OW  au=AO  aw=AO
    oi=OY  oy=OY  ow=OW  ew=UW  er=ER  ir=ER  ur=ER  ar=AA.R  or=AO.R  ia$=IY.AH  a$=AH  e$=AH  i$=IY  o$=OW
    u$=UW  a=AE  e=EH  i=IH  o=AA  u=AH  ^y=Y  y=IY
    """
)
_OTHERWISE = _rules(
    """
    j=Y  ai=AY  ay=AY  ei=AY  ey=EY  ie=IY  au=AW  ao=AW  oi=OY  oy=OY  eu=OY  io=IY.OW  ia=IY.AA  iu=IY.UW
    er$=ER  a=AA  e=EH  e$=EY  i=IY  o=OW  u=UW  ^y=Y  ya=Y.AA  yo=Y.OW  yu=Y.UW  y=IY
    """
)


def readings(name: str) -> list[str]:
    """Ways to say one word, as `AE N IY K AH`; none if its letters are not of the Latin alphabet."""
    letters = _plain(name)
    if not re.fullmatch("[a-z]{2,}", letters):
        return []
    return list(dict.fromkeys(_spoken(letters, rules) for rules in (_BOTH | _ENGLISH, _BOTH | _OTHERWISE)))


def _plain(name: str) -> str:
    written = "".join(_MARKED.get(letter, letter) for letter in unicodedata.normalize("NFC", name).lower())
    return "".join(c for c in unicodedata.normalize("NFD", written) if not unicodedata.combining(c))


def _spoken(letters: str, rules: dict[str, str]) -> str:
    """The longest rule that fits, from left to right."""
    letters = re.sub(r"([bdfgklmnprstvz])\1", r"\1", letters)
    sounds: list[str] = []
    at = 0
    while at < len(letters):
        for length in (3, 2, 1):
            part = letters[at : at + length]
            begins, ends = at == 0, at + length >= len(letters)
            keys = [f"^{part}"] * begins + [f"{part}$"] * ends + [part]
            if rule := next((key for key in keys if key in rules), None):
                sounds.append(rules[rule])
                at += length
                break
    return " ".join(" ".join(sounds).split())
