"""Addresses that lead to another site, or nowhere: no redirect of ours may follow one (row C22)."""

from __future__ import annotations

ELSEWHERE = [
    *("//evil.example", "///evil.example", "////evil.example/%2f..", "/\\evil.example", "\\/evil.example"),
    *("\\\\evil.example", "/\\/evil.example", "//\\evil.example", "\\evil.example", "/ok\\evil.example"),
    *(
        "https://evil.example",
        "http://evil.example/",
        "HTTPS://EVIL.EXAMPLE",
        "https:evil.example",
        "https:/evil.example",
    ),
    *("https:///evil.example", "https:\\\\evil.example", "http:evil.example", "https://", "://evil.example"),
    *("https//evil.example", "https://testserver", "http://testserver/", "https://testserver@evil.example"),
    *("https://testserver.evil.example", "https://u:p@testserver", "https://evil.example#testserver"),
    *(
        "https://evil.example?testserver",
        "https://evil.example\\.testserver",
        "https://[::1]/",
        "https://evil.example:443",
    ),
    *("javascript:alert(1)", "JavaScript:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)"),
    *("javascript://testserver/%0aalert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://e"),
    *(
        "ftp://evil.example",
        "mailto:a@evil.example",
        "about:blank",
        "ws://evil.example",
        "evil.example",
        "./evil",
        "../evil",
    ),
    *(
        "@evil.example",
        ":evil",
        "?next=//evil.example",
        "#//evil.example",
        ".evil.example",
        "*",
        " ",
        " /evil",
        " //evil",
    ),
    *("/\t/evil.example", "\t//evil.example", "/\n/evil.example", "/\r/evil.example", "/a\r\nlocation: //evil.example"),
    *("\x02//evil.example", "\x01//evil.example", "/\x7f/evil.example", "/\x85/evil.example", "/" + "a" * 9000),
]
