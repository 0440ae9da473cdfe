"""`wholestack run`: a function of the app as a command; its arguments come from the command line and from the app."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any

import click
import pydantic

from wholestack import App, SetupError
from wholestack.errors import Fault
from wholestack.handlers import Parameter, Surroundings, background_loop, kind_of, read_signature
from wholestack.routing import where_of

from ._fail import Broken, WrongCall, report
from ._sealing import sealed


@dataclasses.dataclass(frozen=True)
class Bound:
    """A function of the app, with what the command line has to give and what the app gives."""

    function: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    given: tuple[Parameter, ...]


def name_of(function: Callable[..., Any]) -> str:
    """The command's name: the function's, with `-`."""
    return str(getattr(function, "__name__", "command")).replace("_", "-")


def run(target: str, name: str | None, words: Sequence[str]) -> None:
    """Run one command of the app, or list them."""
    app = sealed(target)
    commands = {name_of(function): function for function in app.commands}
    if name is None:
        listed(commands)
        return
    if name not in commands:
        known = f"There are: {', '.join(sorted(commands))}." if commands else "Mark a function with @app.command."
        raise WrongCall(f"The app has no command {name!r}. {known}")
    faults: list[Fault] = []
    bound = bind(app, commands[name], faults)
    if faults:
        raise Broken(report(SetupError(faults)))
    command(app, bound, name).main(list(words), prog_name=f"wholestack run {target} {name}")


def listed(commands: dict[str, Callable[..., Any]]) -> None:
    """Print every command with the first line of its docstring."""
    if not commands:
        click.echo("The app has no commands. Mark a function with @app.command.")
    for name, function in sorted(commands.items()):
        click.echo(f"{name:20} {(inspect.getdoc(function) or '').partition(chr(10))[0]}".rstrip())


def bind(app: App, function: Callable[..., Any], faults: list[Fault]) -> Bound:
    """Where each parameter of a command comes from; one that only a request could fill is a fault."""
    providers = app.seal().providers
    parameters = read_signature(function, Surroundings((), providers.has), faults)
    given = tuple(each for each in parameters if each.place == "provided")
    for each in parameters:
        late = each.place == "provided" and providers.get(each.type).scope != "app"
        if late or each.place not in {"query", "body", "provided"}:
            message = f"The command {name_of(function)} asks for {each.name!r}, which belongs to a request."
            cure = 'Ask for app-lifetime values (scope="app") and for plain arguments.'
            faults.append(Fault("short-lived", message, where_of(function), cure))
    return Bound(function, tuple(each for each in parameters if each.place != "provided"), given)


# -- the command line ----------------------------------------------------------------------------------------------


def command(app: App, bound: Bound, name: str) -> click.Command:
    """The function as a click command: what is required is an argument, what has a default an option."""
    parameters = [shown(each) for each in bound.parameters]

    def callback(**words: Any) -> None:
        echo(called(app, bound, checked(bound, words)))

    return click.Command(name, params=parameters, callback=callback, help=inspect.getdoc(bound.function))


def shown(parameter: Parameter) -> click.Parameter:
    """One parameter as click has it; everything arrives as text and is checked afterwards."""
    name, option = parameter.name, f"--{parameter.name.replace('_', '-')}"
    if parameter.required and parameter.type is not bool:
        return click.Argument([name], nargs=-1 if parameter.many else 1, required=True)
    if parameter.type is bool:
        return click.Option([f"{option}/--no-{option[2:]}", name], default=None)
    plain = parameter.default is not inspect.Parameter.empty and parameter.default not in (None, [])
    text = f"default: {parameter.default}" if plain else None
    return click.Option([option, name], multiple=parameter.many, default=None, help=text)


def checked(bound: Bound, words: dict[str, Any]) -> dict[str, Any]:
    """The words as the types that the function names; all that is wrong is told at once."""
    values, wrong = {}, []
    for each in bound.parameters:
        word = words[each.name]
        if word is None and each.required:  # click leaves this to us where an option has two names, --x and --no-x
            wrong.append(f"say --{each.name.replace('_', '-')} or --no-{each.name.replace('_', '-')}")
        if word is None or (each.many and not word):
            continue
        adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(each.type)
        try:
            if each.place == "body":
                values[each.name] = adapter.validate_json(word)
            else:
                values[each.name] = adapter.validate_python(list(word) if each.many else word)
        except pydantic.ValidationError as error:
            wrong += [f"{each.name}: {fault['msg']}" for fault in error.errors(include_url=False, include_input=False)]
    if wrong:
        raise click.UsageError("; ".join(wrong))
    return values


# -- running -------------------------------------------------------------------------------------------------------


def called(app: App, bound: Bound, values: dict[str, Any]) -> Any:
    """Open the app, call the function, close the app; `wait` works in it as it does in a handler."""
    sealed_app = app.seal()
    try:
        sealed_app.lifetime.start_in_background()
        with contextlib.ExitStack() as stack:
            stack.callback(sealed_app.lifetime.stop_in_background)
            for each in bound.given:
                values[each.name] = sealed_app.providers.get(each.type).cell.value
            result = bound.function(**values)
            if kind_of(bound.function) == "await":
                result = asyncio.run_coroutine_threadsafe(result, background_loop()).result()
            return result
    except click.ClickException:
        raise
    except Exception as error:
        raise Broken(report(error)) from error


def echo(result: Any) -> None:
    """Print what a command returned: a text as it is, None not at all, anything else as JSON."""
    if isinstance(result, str):
        click.echo(result)
    elif result is not None:
        click.echo(json.dumps(pydantic.TypeAdapter(Any).dump_python(result, mode="json"), indent=2, ensure_ascii=False))
