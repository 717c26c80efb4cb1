"""Execute the code of a notebook and keep what it prints and draws.

    python docs/execute.py docs/tutorial.ipynb                    # in place
    python docs/execute.py docs/tutorial.ipynb --output new.ipynb

A small stand-in for a Jupyter kernel, so that the tutorial needs none: cells run one after
the other in one name space, in the working folder. Kept are printed text, the value of a last
expression, and open matplotlib figures as PNG.
"""

import argparse
import ast
import base64
import contextlib
import io
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def outputs_of(source: str, names: dict, number: int) -> list[dict]:
    """Run a cell in a name space and return its outputs as a notebook holds them.

    Parameters
    ----------
    source : code of the cell
    names : the name space, which the cell changes
    number : of the cell among those with code
    """
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"<cell {number}>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), f"<cell {number}>", "eval"), names)
    found = []
    if printed.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": lines(printed.getvalue())})
    if value is not None and not source.rstrip().endswith(";"):
        found.append(
            {
                "output_type": "execute_result",
                "execution_count": number,
                "data": {"text/plain": lines(repr(value))},
                "metadata": {},
            }
        )
    return found + [_picture(figure) for figure in plt.get_fignums()]


def _picture(number: int) -> dict:
    figure, content = plt.figure(number), io.BytesIO()
    figure.savefig(content, format="png", dpi=70, bbox_inches="tight")
    plt.close(figure)
    return {
        "output_type": "display_data",
        "data": {"image/png": base64.b64encode(content.getvalue()).decode()},
        "metadata": {},
    }


def lines(text: str) -> list[str]:
    """Text as a notebook holds it."""
    return text.splitlines(keepends=True)


def execute(notebook: dict) -> dict:
    """Run all cells of a notebook in order; it then holds their outputs, and is returned."""
    names: dict = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, 1):
        cell["outputs"] = outputs_of("".join(cell["source"]), names, number)
        cell["execution_count"] = number
    return notebook


def get_parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    options.add_argument("notebook", type=Path, help="notebook to execute")
    options.add_argument("--output", type=Path, help="where to write it; in place by default")
    return options


def main(arguments: argparse.Namespace) -> None:
    notebook = execute(json.loads(arguments.notebook.read_text(encoding="utf-8")))
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    (arguments.output or arguments.notebook).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(get_parser().parse_args())
