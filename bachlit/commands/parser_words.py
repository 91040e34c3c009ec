"""What jsonargparse says of a bad option, in plain words: what happened, what was expected, what to do."""

import inspect
import re
from collections.abc import Iterable
from difflib import get_close_matches
from importlib import import_module

from bachlit.errors import OptionError


def plainly(said: str) -> str | None:
    """What jsonargparse says of an option's value or of a class's options, in plain words; None for all else."""
    # Of a class that was named, before what is said of those that it might have been instead.
    inner = re.search(
        r"""class_path '[\w.]+': (Parser key "[\w.]+": (?:(?!class_path ').)+?(?:Got|Given) value: .*?)(?= - |$)""",
        said,
    )
    if inner:
        said = f"{said.partition('Does not')[0]}{inner[1]}"
    explanations = (
        _lost_file,
        _missing_value,
        _missing_option,
        _foreign_option,
        _unknown_option,
        _missing_class,
        _ambiguous_class,
        _part_alone,
        _option_alone,
        _wrong_value,
    )
    return next((told for told in (explain(said) for explain in explanations) if told), None)


def refuse_misspelt(said: str, names: Iterable[str]) -> None:
    """Refuse an option that isn't there, if another has nearly its name.

    Args:
        said: What jsonargparse says.
        names: Of the options that are there, without dashes.

    Raises:
        OptionError: If so.

    >>> refuse_misspelt("unrecognized arguments: --data.lane=3", ["data.lanes", "data.keys"])
    Traceback (most recent call last):
    ...
    bachlit.errors.OptionError: There is no option --data.lane; expected --data.lanes; correct it, or leave it out.
    """
    typed = re.match(r"unrecognized arguments: --([\w.]+)", said)
    if typed:
        known = {re.sub(r"\.(class_path|init_args)\b", "", name) for name in names}
        near = get_close_matches(typed[1], sorted(known), n=1, cutoff=0.8)
        if near:
            raise OptionError(f"There is no option --{typed[1]}; expected --{near[0]}; correct it, or leave it out.")


def _key(said: str) -> str:
    """The option that it is about, with those that it is within."""
    return ".".join(re.findall(r'Parser key "([^"]+)"', said))


def _lost_file(said: str) -> str | None:
    lost = re.search(r"File does not exist: '(.+?)'", said)
    return lost and f"There is no file {lost[1]}; expected a configuration in YAML; correct its path."


def _missing_value(said: str) -> str | None:
    option = re.search(r"argument (?:-\w/)?(--[\w.]+)\S*: expected one argument", said)
    return option and f"{option[1]} has no value; expected one after it; add that, or leave it out."


def _missing_option(said: str) -> str | None:
    needed = re.search(r"the following arguments are required: (.+?)(?= - |$)", said)
    owner = _owner(said)
    if not needed or not owner:
        return None
    first = needed[1].split(", ")[0]
    return f"{owner[1]} needs {needed[1]}; expected --{_key(said)}.{first} and a value after it; add that."


def _owner(said: str) -> tuple[str, str] | None:
    """The module and the name of the class that it is about."""
    owner = re.search(r"class_path '([\w.]+)\.(\w+)': (?:Option|the following)|class_path='([\w.]+)\.(\w+)'", said)
    if not owner:
        return None
    module, kind = filter(None, owner.groups())
    return None if module == "typing" else (module, kind)


def _foreign_option(said: str) -> str | None:
    option = re.search(r"Option '([\w.]+)' is not accepted|: unrecognized arguments: --([\w.]+)", said)
    owner = _owner(said)
    if not option or not owner:
        return None
    module, kind = owner
    options = ", ".join(inspect.signature(getattr(import_module(module), kind)).parameters) or "none at all"
    return f"{kind} has no option {option[1] or option[2]!r}; expected {options}; correct it, or leave it out."


def _unknown_option(said: str) -> str | None:
    unknown = re.match(r"unrecognized arguments: (.+)", said)
    written = re.match(r"Subcommand '(\w+)' does not accept option '(.+)'", said)
    if written:
        return f"A configuration has the option {written[2]}, which {written[1]} hasn't; correct it, or take it out."
    return unknown and f"There is no option {unknown[1]}; expected those of --help; correct it, or leave it out."


def _missing_class(said: str) -> str | None:
    missing = re.search(r"No module named '[\w.]+'|module '[\w.]+' has no attribute '\w+'", said)
    named = re.search(r"class_path '([\w.]+)': (?:No )?module|Got value: ([\w.]+)$", said)
    if not missing or not named:
        return None
    return f"There is no class {named[1] or named[2]} ({missing[0]}); expected a name or a dotted path; correct it."


def _ambiguous_class(said: str) -> str | None:
    several = re.search(r"Multiple subclasses with name (\w+)\. .*?ambiguity: (.+?)\.? - ", said)
    if not several:
        return None
    paths = several[2].replace(", ", " or ")
    return f"There is more than one {several[1]}; expected a whole path: --{_key(said)} {paths}; name one of them."


def _part_alone(said: str) -> str | None:
    if "Unable to load config" in said:
        key = _key(said).partition(".")[0]
        return f"--{key} has no value of its own; expected one of its options, --{key}.NAME VALUE; see --help."
    inside = re.search(r"Got value: NestedArg\([^)]*\)\. Got|, not NestedArg", said)
    return inside and f"--{_key(said)} has no options of its own; expected a value alone; correct its name."


def _wrong_value(said: str) -> str | None:
    key = _key(said)
    value = re.search(r"(?:Got|Given) value: ?(.*?)(?=\. Got| - | See |$)", said)
    kinds = [_KINDS[kind] for kind in re.findall(r"Expected (?:a )?<class '([\w.]+)'>", said) if kind in _KINDS]
    kinds += [choices.replace("'", "") for choices in re.findall(r"typing\.Literal\[(.+?)\]", said)]
    kinds += [f"a list of {num}" for num in re.findall(r"Expected a tuple with (\d+) elements", said)]
    kinds += [f"a time, {form}" for form in re.findall(r'Expected a string with form (".+?") but', said)]
    path = re.search(
        r"Expected a dot import path string: ?((?!Given |- )\S*)|Import path|(?:Expected an|Unexpected) import path"
        r"|Importing '",
        said,
    )
    foreign = re.search(r"Expected '([\w.]+)' to be a (?:subclass of <class '(\w+)'>)?|Unexpected import object", said)
    # Where torch takes a number it takes a tensor, too, which nobody types.
    if (path or foreign) and not any("number" in kind for kind in kinds):
        kinds.append(
            f"a subclass of {foreign[2]}"
            if foreign and foreign[2]
            else "the name of a class, or the dotted path of your own"
        )
        value = next((one for one in (path, foreign) if one and one.lastindex and one[1]), value)
    if not key or not value or not kinds:
        return None
    expected = " or ".join(dict.fromkeys(kinds))
    return f"--{key} can't be {value[1] or 'empty'}; expected {expected}; correct it, or leave it out."


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "dict": "a mapping, such as {a: b}",
    **dict.fromkeys(("list", "tuple", "collections.abc.Sequence"), "a list, such as [a,b]"),
}


def _option_alone(said: str) -> str | None:
    alone = re.search(r"(?:class, but [\w.]+ is abstract|class_path='typing\.).+NestedArg\(key='([\w.]+)'", said)
    if not alone and "Got value: " not in said:
        alone = re.search(r"Given value: NestedArg\(key='([\w.]+)'", said)
    key = _key(said)
    return alone and (
        f"--{key}.{alone[1]} was given without --{key}; expected the class whose option it is; name it first: "
        f"--{key} CLASS --{key}.{alone[1]} VALUE."
    )
