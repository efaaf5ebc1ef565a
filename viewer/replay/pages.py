"""The few pages that are the replay server's own: the frame around an archived page, and what is shown in its place."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import datetime
from html import escape
from http import HTTPStatus
from typing import Final

from sijill.viewer.errors import Busy, Refused, Removed, Unavailable, ViewerError
from sijill.viewer.replay.addresses import Address
from sijill.viewer.replay.policy import CLOSED

_STYLE: Final = (
    ":root{color-scheme:light dark}body{margin:0;font:1rem/1.6 system-ui,sans-serif}"
    "main{max-width:44rem;margin:10vh auto;padding:0 1.5rem}h1{font-size:1.3rem}code{overflow-wrap:anywhere}"
    ".bad h1{color:light-dark(#a3161a,#ff8a8a)}[lang=ar]{font-size:1.1rem}"
    ".frame{display:flex;flex-direction:column;height:100vh}"
    "header{padding:.5rem 1rem;border-bottom:2px solid;overflow-wrap:anywhere}iframe{flex:1;border:0;background:#fff}"
)
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode("ascii")).digest()).decode("ascii")
STYLED: Final = f"{CLOSED}; style-src 'sha256-{_STYLE_HASH}'"
"""The policy of these pages."""

_MISSING: Final = (
    "Not in this capture",
    "ليس في هذه اللقطة",
    (
        "The page asked for something that was not fetched when it was captured, or the link leads to a page that is "
        "not part of this capture. Nothing is fetched from the web in its place."
    ),
    "طُلب شيء لم يُجلب عند أخذ اللقطة، أو أن الرابط يقود إلى صفحة ليست جزءًا منها. ولا يُجلب شيء من الشبكة عوضًا عنه.",
)
_NO_CAPTURE: Final = (
    "No such capture",
    "لا توجد لقطة كهذه",
    "The archive holds no capture with this id.",
    "ليس في الأرشيف لقطة بهذا المعرّف.",
)
_REMOVED: Final = (
    "Removed from the archive",
    "أُزيل من الأرشيف",
    "What this capture held was removed; a tombstone in the log says so.",
    "أُزيل ما كانت هذه اللقطة تحويه، وفي السجل ما يثبت ذلك.",
)
_REFUSED: Final = (
    "Missing or altered",
    "مفقود أو معدَّل",
    "What is stored is missing, or is not what was attested when it was captured. It is not shown.",
    "المخزون مفقود أو ليس ما شُهد به عند أخذ اللقطة، ولذلك لا يُعرض.",
)
_LATER: Final = (
    "Not available now",
    "غير متاح الآن",
    "The archive cannot answer at the moment. Try again later.",
    "لا يستطيع الأرشيف الإجابة الآن. أعد المحاولة لاحقًا.",
)
_FORBIDDEN: Final = (
    "Open it from the archive's site",
    "افتحه من موقع الأرشيف",
    "This address is answered only if the archive's own pages lead to it.",
    "لا يُجاب هذا العنوان إلا إذا قادت إليه صفحات الأرشيف نفسه.",
)


def missing_page(address: Address | None) -> str:
    """What is shown of something that a capture does not hold."""
    return _page(_MISSING, None if address is None else address.url)


def forbidden_page() -> str:
    """What is shown to whoever comes from elsewhere."""
    return _page(_FORBIDDEN, None)


def error_page(error: ViewerError, address: Address) -> str:
    """What is shown if a capture cannot be."""
    match error:
        case Removed():
            words = _REMOVED
        case Refused():
            words = _REFUSED
        case Unavailable() | Busy():
            words = _LATER
        case _:
            words = _NO_CAPTURE if error.status is HTTPStatus.NOT_FOUND else _LATER
    return _page(words, f"{address.capture_id} · {address.url}", bad=words is _REFUSED)


def frame_page(address: Address, captured: datetime, viewer: str) -> str:
    """An archived page in a frame, for a window of its own: alone in a window it could leave for another page."""
    when = f"{captured:%Y-%m-%d %H:%M:%S} UTC"
    about = escape(f"{viewer}/captures/{address.capture_id}")
    sandbox = "allow-scripts" if address.mode == "page" else ""
    return _document(
        f"{address.url} ({when})",
        f'<div class="frame"><header>Archived page <code dir="ltr">{escape(address.url)}</code>, captured '
        f'<time datetime="{captured.isoformat()}">{when}</time> · <a href="{about}">about this capture</a> · '
        f'<span lang="ar" dir="rtl">صفحة مؤرشفة</span></header>'
        f'<iframe title="Archived page" sandbox="{sandbox}" src="{escape(address.path)}"></iframe></div>',
    )


def _page(words: tuple[str, str, str, str], detail: str | None, *, bad: bool = False) -> str:
    title, arabic_title, text, arabic = words
    shown = "" if detail is None else f'<p><code dir="ltr">{escape(detail)}</code></p>'
    return _document(
        title,
        f"<main{' class=bad' if bad else ''}><h1>{title}</h1><p>{text}</p>{shown}"
        f'<section lang="ar" dir="rtl"><h1>{arabic_title}</h1><p>{arabic}</p></section></main>',
    )


def _document(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>{body}</body></html>'
    )
