"""What a page shows in words: the same under other markup, another for one changed word, nothing where nothing is."""

import hashlib

import pytest

from sijill.archive.reading.visible_text import LONGEST, visible_text, visible_text_sha256

PAGE = "<!doctype html><title>بيان</title><body><h1>Joint statement</h1><p>We, <b>the</b> undersigned.</p>"


def of(html, charset="utf-8"):
    return visible_text(html.encode(charset), charset)


def test_title_and_words_with_single_spaces():
    assert of(PAGE) == "بيان\nJoint statement We, the undersigned."


@pytest.mark.parametrize(
    "html",
    [
        PAGE.replace("<b>", '<b class="x y" data-csrf="0af3" id=n1>'),
        PAGE.replace("<p>", "<script nonce=1>var a = 'We';</script><style>p{}</style><!-- 12:01 --><div>\n\n<p>"),
        PAGE.replace("<body>", '<meta name="csrf-token" content="k"><link href="/a.css?v=9"><body data-time=9>'),
        PAGE + "<form><input type=hidden name=token value=0af3></form>",
        PAGE + '<template>Later</template><noscript><img alt="pixel">enable scripts</noscript>',
        PAGE + '<a href="/?PHPSESSID=1"></a><img src="/x.png?t=1"><iframe src="/ad?2"></iframe>',
        PAGE.replace("<b>the</b>", "t<span>h</span>e").replace("under", "un\u00adder\u200b"),
        PAGE.replace(" ", "\u00a0\n ").replace("<p>", "<p>\ufeff"),
        PAGE.replace("<h1>", "<div>").replace("</h1>", "</div>").replace("<p>", "<br>"),
    ],
)
def test_markup_alone_changes_nothing(html):
    assert of(html) == of(PAGE)


@pytest.mark.parametrize(
    "html",
    [
        PAGE.replace("undersigned", "signatories"),
        PAGE.replace("We, ", "We "),
        PAGE.replace("بيان", "بيانات"),
        PAGE.replace("Joint statement", "Jointstatement"),
        PAGE + '<img alt="Signed by all">',
        PAGE + '<p style="display:none">hidden',
        PAGE + "<textarea>draft</textarea>",
        PAGE + "<host-card><template shadowrootmode=open>shown</template></host-card>",
        PAGE.replace("statement", "stat\u200cement"),
    ],
)
def test_one_word_is_a_change(html):
    assert of(html) != of(PAGE)


@pytest.mark.parametrize(
    "data",
    [b"", b"   ", b"<title>App</title><div id=root></div><script>boot()</script><noscript>Enable scripts</noscript>",
     b"<img src=statement.png>", b"\x00\x01", b"<!-- only -->", b"<p>\xe2\x80\x94 ... |"],
)  # fmt: skip
def test_where_nothing_can_be_read_there_is_none(data):
    assert visible_text(data) is None
    assert visible_text_sha256(data) is None


@pytest.mark.parametrize("charset", ["utf-8", "windows-1256", "iso-8859-6", "utf-16"])
def test_the_same_words_in_other_encodings(charset):
    assert of("<p>نحن الموقعون أدناه", charset) == "\nنحن الموقعون أدناه"
    declared = '<meta charset="windows-1256"><p>نحن الموقعون أدناه'.encode("cp1256")
    assert visible_text(declared) == "\nنحن الموقعون أدناه"


def test_composed_and_decomposed_letters_are_the_same():
    assert of("<p>Cafe\u0301") == of("<p>Café")


def test_the_digest_is_of_the_text_in_utf_8():
    assert visible_text_sha256(PAGE.encode()) == hashlib.sha256(of(PAGE).encode()).hexdigest()


def test_large_pages_are_not_read_and_odd_ones_end():
    assert visible_text(b"<p>a" + b" " * LONGEST) is None
    assert visible_text(b"<div>" * 200_000 + b"deep") in {None, "\ndeep"}
    assert visible_text(b"<div>" * 200 + b"deep") == "\ndeep"
    assert visible_text(b"<p>&#xD800;&#0;x" + b"<" * 100_000) is not None
    assert len(visible_text(b"<p>" + "ﷺ".encode() * 1_000_000)) <= 18_000_001


def test_words_of_a_page_without_head_and_body_tags():
    assert (
        of("<!doctype html><title>T</title><main>Joint <b>statement</b></main> of ours") == "T\nJoint statement of ours"
    )
