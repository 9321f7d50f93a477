"""What all settings have in common."""

from typing import Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _one_stands_for_a_list_of_one(cls, value, info: ValidationInfo):
        """`labels.kinds=mass` is `labels.kinds=mass,`; words of their own (any, all) stay.

        A list becomes the tuple that it is kept as, where values are read strictly too.
        """
        annotation = cls.model_fields[str(info.field_name)].annotation
        is_tuple = get_origin(annotation) is tuple  # whose own words may stand in a list
        kinds = [annotation] if is_tuple else [annotation, *get_args(annotation)]
        words = {word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)}
        takes_list = any(get_origin(kind) is tuple for kind in kinds)
        is_one = takes_list and isinstance(value, str | int | float) and value not in words
        if takes_list and isinstance(value, list):
            return tuple(value)
        return (value,) if is_one else value
