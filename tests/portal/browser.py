"""A browser without scripts: it reads pages, fills in their forms, presses their buttons, and follows where they lead.

Every page it sees is checked: elements are closed, ids are unique, inputs have labels, headings are in order, and
nothing is written into the page that the security policy would have to allow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from .site import BROWSER, Site, signed_in

_VOID = {"meta", "link", "img", "input", "br", "hr"}
_HEADINGS = ("h1", "h2", "h3", "h4")
_UNLABELLED = {"hidden", "submit"}
_PLACES = ("aria-describedby", "aria-labelledby", "aria-controls")


@dataclass
class Control:
    """An input, select or textarea. options: of a select."""

    name: str
    type: str
    id: str
    value: str
    checked: bool = False
    options: list[str] = field(default_factory=list)


@dataclass
class Form:
    """A form: where it goes, what is in it, and what its buttons say."""

    method: str
    action: str
    controls: list[Control] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """A page, as it was parsed. wrong: what is not as it should be."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.wrong: list[str] = []
        self.ids: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._labels: set[str] = set()
        self._named: list[tuple[str, dict[str, str]]] = []
        self._refers: list[tuple[str, str]] = []
        self._headings: list[int] = []
        self._open: list[str] = []
        self._text: dict[str, list[str]] = {}
        self._in_form: Form | None = None
        self.feed(html)
        self.close()
        self._judge()

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def form(self, button: str) -> Form:
        """The form with a button that says this."""
        found = [each for each in self.forms if button in each.buttons]
        assert found, f"no button {button}, only {[each.buttons for each in self.forms]}"
        return found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        if tag not in _VOID:
            self._open.append(tag)
            self._text.setdefault(tag, [])
        if len(said) != len(attrs):
            self.wrong.append(f"{tag} has an attribute twice")
        if tag == "img":
            for found in self._text.values():
                found.append(said.get("alt", ""))
        self._note(tag, said)
        self._collect(tag, said)

    def _note(self, tag: str, said: dict[str, str]) -> None:
        self.ids.update([said["id"]] if "id" in said else [])
        self.wrong += [f"{tag} has {name}" for name in said if name.startswith("on") or name == "style"]
        self._refers += [(name, each) for name in _PLACES for each in said.get(name, "").split()]
        if tag == "script" and not said.get("src", "").startswith("/static/"):
            self.wrong.append("a script is not a static file of ours")
        if tag == "style":
            self.wrong.append("a style is in the page")
        if tag == "img" and "alt" not in said:
            self.wrong.append("an image has no alt")
        if tag == "th" and "scope" not in said:
            self.wrong.append("a th has no scope")
        for name in ("src", "href", "action"):
            if not said.get(name, "/").startswith(("/", "#", "https://")):
                self.wrong.append(f"{tag} leads to {said[name]}")

    def _collect(self, tag: str, said: dict[str, str]) -> None:
        if tag in _HEADINGS:
            self._headings.append(int(tag[1]))
        if tag == "label":
            self._labels.add(said.get("for", ""))
        if tag == "a":
            self.links.append((said.get("href", ""), ""))
            if said.get("href", "").startswith("#"):
                self._refers.append(("href", said["href"][1:]))
        if tag == "form":
            self._in_form = Form(said.get("method", "get"), said.get("action", ""))
            self.forms.append(self._in_form)
        if tag in ("input", "select", "textarea"):
            self._named.append((tag, said))
            if self._in_form is not None and "name" in said:
                control = Control(said["name"], said.get("type", tag), said.get("id", ""), said.get("value", ""))
                control.checked = "checked" in said
                self._in_form.controls.append(control)
        if tag == "option" and self._in_form and self._in_form.controls:
            self._in_form.controls[-1].options.append(said.get("value", "\0"))
            if "selected" in said:
                self._in_form.controls[-1].checked = True
                self._in_form.controls[-1].value = said.get("value", "\0")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.wrong.append(f"</{tag}> closes {self._open[-1:]}")
            return
        self._open.pop()
        text = "".join(self._text.pop(tag, [])).strip()
        if tag == "form":
            self._in_form = None
        if tag == "button":
            if not text:
                self.wrong.append("a button says nothing")
            if self._in_form:
                self._in_form.buttons.append(text)
        if tag == "a" and not text:
            self.wrong.append("a link says nothing")
        if tag == "textarea" and self._in_form:
            self._in_form.controls[-1].value = text
        if tag == "option" and self._in_form and self._in_form.controls:
            control = self._in_form.controls[-1]
            control.options = [text if each == "\0" else each for each in control.options]
            control.value = text if control.value == "\0" else control.value

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self._open and self._open[-1] in ("script", "style")):
            self.texts.append(data.strip())
        for found in self._text.values():
            found.append(data)

    def _judge(self) -> None:
        self.wrong += [f"<{each}> is not closed" for each in self._open]
        self.wrong += [f"the id {each} is there {count} times" for each, count in self.ids.items() if count > 1]
        for tag, said in self._named:
            hidden = tag == "input" and said.get("type") in _UNLABELLED
            if not hidden and said.get("id", "") not in self._labels and "aria-label" not in said:
                self.wrong.append(f"{tag} {said.get('name')} has no label")
        self.wrong += [f"{name} {each} is nowhere" for name, each in self._refers if each not in self.ids]
        if self._headings[:1] != [1] or self._headings.count(1) != 1:
            self.wrong.append(f"headings begin wrongly: {self._headings}")
        steps = zip(self._headings, self._headings[1:], strict=False)
        self.wrong += [f"h{second} follows h{first}" for first, second in steps if second > first + 1]
        for landmark in ("main", "header", "title"):
            if self.tags[landmark] != 1:
                self.wrong.append(f"there are {self.tags[landmark]} {landmark}")


class Browser:
    """Somebody at the portal. page: what they see now. status: of the answer it came with."""

    def __init__(self, site: Site, who: str) -> None:
        self.site, self.who = site, who
        self.path = ""
        self.status = 0

    def open(self, path: str) -> Page:
        """Look at a page."""
        return self._seen(path, self.site.get(path, self.who, accept=BROWSER))

    def press(self, button: str, **filled: str | list[str] | None) -> Page:
        """Fill in the form with a button, by the names of its inputs, and press it. None: a box that is unticked."""
        form = self.page.form(button)
        sent: dict[str, list[str]] = {}
        for each in form.controls:
            if each.type in ("checkbox", "radio") and not each.checked:
                continue
            value = each.options[0] if each.type == "select" and not each.checked else each.value
            sent.setdefault(each.name, []).append(value)
        names = {each.name for each in form.controls}
        for name, given in filled.items():
            assert name in names, f"no input {name} among {sorted(names)}"
            sent[name] = sent.get(name, [])[:-1] if given is None else [given] if isinstance(given, str) else given
        headers = {**signed_in(self.who), "sec-fetch-site": "same-origin", "accept": BROWSER}
        if form.method == "get":
            return self.open(str(httpx.URL(form.action, params=sent)))
        answer = self.site.send("POST", form.action, headers, data=sent)
        if answer.status_code == 303:
            return self.open(answer.headers["location"])
        return self._seen(form.action, answer)

    def _seen(self, path: str, answer: httpx.Response) -> Page:
        assert answer.headers["content-type"].startswith("text/html"), answer.text
        self.path, self.status = path, answer.status_code
        self.page = Page(answer.text)
        assert not self.page.wrong, (path, self.page.wrong)
        return self.page
