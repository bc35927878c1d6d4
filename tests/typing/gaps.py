# mypy: ignore-errors
"""What should hold and does not, in one checker or more: the runner's table says why."""

from lexigram.result import Result


def the_value_of_an_err_is_a_mistake(result: Result[int, str]) -> None:
    if not result:
        result.value.bit_length()  # error: attr-defined | reportAttributeAccessIssue
