"""A plan in words, for `wholestack explain`."""

from __future__ import annotations

import inspect
import re
from typing import Any

from wholestack.handlers import Call, Plan
from wholestack.routing import where_of

_OURS = re.compile(r"\bwholestack\.(?:\w+\.)+(?=[A-Z])")


def steps_of(plan: Plan) -> tuple[str, ...]:
    """What runs for a request, in order, each line with where an argument comes from."""
    crossing = {"def": "in one worker thread (ASGI, RSGI) or the server's own (WSGI)", "async": "on the event loop"}
    lines = [f"runs {crossing.get(plan.colour, 'inline')}{', driven in a greenlet' if plan.driven else ''}"]
    lines += [f"middleware  {getattr(each, '__qualname__', each)}" for each in plan.middleware]
    if plan.body is not None:
        lines.append(f"read        the body, {plan.body.reads}, at most {plan.body_limit} bytes")
    lines += [
        f"check       {each.name}: {_shown(each.type)} from the {each.place}"
        f"{'' if each.alias == each.name else f' as {each.alias}'}, for {getattr(each.of, '__qualname__', each.of)}"
        for each in (*plan.parameters.values(), *((plan.body_parameter,) if plan.body_parameter else ()))
    ]
    for step in plan.steps:
        what = f"rule        {step.rule.name}" if step.rule else f"provide     {_called(step.call.function)}"
        lines += [what, *_taken(step.call)]
        asked = {each.slot: each.call.function for steps in step.asks.values() for each in steps}
        lines += [f"  provide   {_called(function)}, when it is its turn" for function in asked.values()]
    lines += [f"call        {_called(plan.handler.function)}", *_taken(plan.handler)]
    lines.append(f"answer      {_shown(plan.returns)}")
    lines += [
        f"resume      {_called(step.call.function)}" for step in reversed(plan.steps) if "yield" in step.call.kind
    ]
    return tuple(lines)


def _taken(call: Call) -> list[str]:
    """The arguments that lie ready since the app was started."""
    return [f"  with      {name}, provided once a process" for name, _ in call.cells]


def _called(function: Any) -> str:
    return f"{getattr(function, '__qualname__', function)} ({where_of(function)})"


def _shown(kind: Any) -> str:
    if kind is inspect.Parameter.empty:
        return "anything that JSON can show"
    # By the name that users import it by, not by the file it lies in.
    return _OURS.sub("", inspect.formatannotation(kind))
