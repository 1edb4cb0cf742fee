"""`sonant recipes`: what can be trained without writing a line."""

from __future__ import annotations

import tomllib

import typer

from sonant import shipped
from sonant.cli import console


def recipes(
    name: str = typer.Argument("", help="Print this recipe as TOML, to copy and change."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the recipes in the package, or print one."""
    if name:
        from sonant.recipe import Recipe, find

        if json:
            console.result_json(Recipe.load(name).to_dict())
        else:
            print(find(name).read_text(encoding="utf-8"), end="")
            console.next_step(f"sonant recipes {name} > mine.toml", "then: sonant train mine.toml")
        return
    # Read as plain TOML: listing them needs no torch.
    trees = [
        tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(shipped.FOLDER.glob("*.toml"))
    ]
    if json:
        rows = [
            {
                "name": t["name"],
                "model": t["model"]["name"],
                "streams": t["name"] in shipped.STREAMING,
                "about": t["about"],
            }
            for t in trees
        ]
        console.result_json({"recipes": rows})
        return
    console.table(
        ("recipe", "streams", "what it is"),
        [
            (tree["name"], "yes" if tree["name"] in shipped.STREAMING else "", tree["about"])
            for tree in trees
        ],
    )
    console.next_step(
        "sonant train RECIPE --data DATA", "train one; without --data, on the embedded corpus"
    )
