"""What is wrong with a plan, in words: the key, what was found, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

from panelcoop.checks import name_few, nearest

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["explain"]


def explain(fault: ValidationError, model: type[BaseModel], where: str) -> str:
    """Say what pydantic found, one sentence per key.

    Parameters
    ----------
    fault
        What validation raised.
    model
        The plan's class: it knows which keys are allowed.
    where
        Name of the file, for the start of each sentence.

    Returns
    -------
    str
        One line per wrong key.
    """
    sentences = [f"{where}, {_sentence(error, model)}" for error in fault.errors(include_url=False)]
    return "\n".join(dict.fromkeys(sentences))


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    key = _key_text(error["loc"])
    found = f"found {_short(error['input'])}"
    if error["type"] == "extra_forbidden":
        allowed = [name for name in _keys_at(model, error["loc"][:-1]) if name != "origin"]
        return (
            f"{key}: unknown key{nearest(str(error['loc'][-1]), allowed)}; {found}. Allowed: {name_few(allowed, 30)}."
        )
    if error["type"] == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))
        return f"{key}: {found}{nearest(str(error['input']), allowed)}. Allowed: {name_few(allowed, 30)}."
    message = error["msg"].removeprefix("Value error, ").removesuffix(".")
    return f"{key}: {message[:1].lower() + message[1:]}; {found}."


def _key_text(location: Sequence[int | str]) -> str:
    parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location if "[" not in str(part)]
    return "".join(parts).removeprefix(".") or "the whole"


def _keys_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """List the keys that a section allows, following the location from the top."""
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        inner = [a for a in (field.annotation, *get_args(field.annotation)) if _is_model(a)]
        if inner:
            model = inner[0]
    return list(model.model_fields)


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
