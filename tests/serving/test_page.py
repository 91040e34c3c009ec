"""The page holds together: what its files name is there, and nothing needs another machine."""

import re
from html.parser import HTMLParser
from pathlib import Path

import bachlit.serving

STATIC = Path(bachlit.serving.__file__).parent / "static"
PAGE = (STATIC / "index.html").read_text(encoding="utf-8")
MODULES = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}


class Elements(HTMLParser):
    """Elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


ELEMENTS = Elements(PAGE).found
IDS = [attributes["id"] for _, attributes in ELEMENTS if "id" in attributes]


def _reached(name: str) -> set[str]:
    """Modules that one imports, and theirs."""
    reached, ahead = set(), [name]
    while ahead:
        module = ahead.pop()
        if module not in reached:
            reached.add(module)
            ahead += re.findall(r'from "\./([\w.]+)"', MODULES[module])
    return reached


def test_the_page_has_nothing_that_its_policy_forbids():
    assert not [tag for tag, attributes in ELEMENTS if tag == "style" or "style" in attributes]
    assert not [name for _, attributes in ELEMENTS for name in attributes if name.startswith("on")]
    assert all(attributes.get("src", "").startswith("/static/") for tag, attributes in ELEMENTS if tag == "script")
    assert not [name for name, text in MODULES.items() if re.search(r"\beval\(|new Function|innerHTML|cssText", text)]


def test_what_the_page_loads_is_there():
    named = [attributes.get("src") or attributes.get("href") or "" for _, attributes in ELEMENTS]
    files = [name.removeprefix("/static/") for name in named if name.startswith("/static/")]
    assert files
    assert all((STATIC / name).is_file() for name in files)


def test_ids_that_the_scripts_ask_for_are_in_the_page():
    assert len(IDS) == len(set(IDS))
    asked = {
        one
        for name in _reached("app.js")
        for one in re.findall(r'(?:byId|getElementById)\("([\w-]+)"\)', MODULES[name])
    }
    assert asked - set(IDS) == set()


def test_every_export_is_imported_elsewhere():
    exports = {
        (name, one)
        for name, text in MODULES.items()
        for one in re.findall(r"^export (?:async )?(?:const|class|function\*?) (\w+)", text, re.MULTILINE)
    }
    imports = {
        (name, one.split(" as ")[0].strip())
        for text in MODULES.values()
        for names, name in re.findall(r'import \{([^}]+)\} from "\./([\w.]+)"', text)
        for one in names.split(",")
    }
    assert len(exports) > 50
    assert exports - imports == set()


def test_what_describes_or_labels_an_element_exists():
    names = ("aria-labelledby", "aria-describedby", "aria-controls", "for")
    named = {attributes[name] for _, attributes in ELEMENTS for name in names if name in attributes}
    assert named - {"tab-1"} <= set(IDS)  # tabs come with harmonisations


def test_no_file_of_the_page_names_another_machine():
    texts = [PAGE, *MODULES.values(), *(path.read_text(encoding="utf-8") for path in STATIC.glob("*.css"))]
    addresses = {one for text in texts for one in re.findall(r"https?://[^\s'\"`)>]+", text)}
    assert addresses <= {"http://www.w3.org/2000/svg"}
