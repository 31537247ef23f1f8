"""Files of the past beside those of today: whoever changes a template sees in the diff what phones will get.

`python -m provisioning.test_golden`, called in `tests`, writes them anew.
"""

from pathlib import Path

import pytest

from jackfield.provisioning.catalogue import MODELS, VENDORS
from jackfield.provisioning.render import render

from .sample import SAMPLE
from .test_templates import TYPICAL

GOLDEN = Path(__file__).parent / "golden"


def files():
    """Return the path of each golden file with the model and the file that it shows."""
    for slug in TYPICAL:
        model = MODELS[slug]
        shown = set()
        for file in model.files:
            if file.kind != "nothing" and file.template not in shown:
                shown.add(file.template)
                name = file.named(SAMPLE.mac, model=model.name.replace(" ", "_"), code=model.code)
                yield GOLDEN / model.vendor / f"{slug.partition('-')[2]}_{name}", model, file.name


@pytest.mark.parametrize(("path", "model", "file"), [pytest.param(*one, id=one[0].name) for one in files()])
def test_a_phones_file_is_as_it_was(path, model, file):
    assert render(model, file, SAMPLE).body.decode() == path.read_text("utf-8")


def test_every_vendor_has_golden_files_and_none_is_left_over():
    known = {path for path, *_ in files()}
    assert {path.parent.name for path in known} == set(VENDORS)
    assert {path for path in GOLDEN.rglob("*") if path.is_file()} == known


if __name__ == "__main__":
    for path, model, file in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(render(model, file, SAMPLE).body)
