"""Whether the stack is halted. Imports nothing heavy."""

from squall.domain.run.halt import Halt, combine_flags
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring


def read_halt(w: Wiring) -> Halt:
    """The flag and its copy taken together. Raises Unavailable when they can't be read, which counts as halted."""
    return combine_flags(w.halt_flag.get(), w.halt_copy.get())


def refuse_if_halted(w: Wiring) -> str:
    """Why nothing may start, or an empty string. A flag that can't be read counts as engaged."""
    try:
        halt = read_halt(w)
    except (Unavailable, Refused) as error:
        return f"whether the stack is halted could not be read, so it counts as halted ({error})"
    return f"the stack is {halt}" if halt.engaged else ""
