"""Pickles that would run code, in every wrapping in which something might unpack them."""

import io
import os
import pickle
import zipfile
from typing import Any

import torch

from tests.hostile.oracle import PWNED


class Touching:
    """Leaves a file behind where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {PWNED}",)


class Opening:
    """The same without a shell."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (PWNED, "w")


TOUCHES, OPENS = Touching(), Opening()


def saved_by_torch(content: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def repacked(whole: bytes, changes: dict[str, bytes]) -> bytes:
    """A zip of torch or numpy with other content in some of its files, named by the ends of their paths."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            content = next((value for end, value in changes.items() if name.endswith(end)), old.read(name))
            new.writestr(name, content)
    return file.getvalue()


# A file of weights, model or state that is not even the right kind of thing, and where the pickles that run code go.
NO_TENSORS = {
    "empty": b"",
    "text": b"no tensors",
    "html_page": b"<!DOCTYPE html><html>404</html>",
    "zeros": bytes(10_000),
    "zip_of_nothing": b"PK\x05\x06" + bytes(18),
    "zip_signature_only": b"PK\x03\x04",
    "pickle_with_code": pickle.dumps(TOUCHES),
    "pickle_with_code_in_protocol_0": pickle.dumps(OPENS, protocol=0),
    "torch_file_with_code": saved_by_torch({"network": TOUCHES}),
    "torch_file_with_code_without_shell": saved_by_torch(OPENS),
    "old_torch_file_with_code": saved_by_torch({"a": TOUCHES}, _use_new_zipfile_serialization=False),
    "torch_file_with_a_module": saved_by_torch(torch.nn.Linear(2, 2)),
    "torch_file_with_code_behind_tensors": repacked(
        saved_by_torch({"a": torch.zeros(3)}), {"data.pkl": pickle.dumps([TOUCHES], protocol=2)}
    ),
    "bare_tensor": saved_by_torch(torch.zeros(3)),
    "list": saved_by_torch([1, 2]),
    "number": saved_by_torch(3),
    "nothing": saved_by_torch(None),
    "empty_mapping": saved_by_torch({}),
    "numbers_as_keys": saved_by_torch({1: torch.zeros(3), None: 2}),
    "mapping_of_texts": saved_by_torch({"settings": "{}", "network": "weights"}),
    "other_tensors": saved_by_torch({"conv.weight": torch.zeros(3)}),
}
