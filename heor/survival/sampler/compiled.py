"""Machine code of a compiled log density: kept on disk, and run without importing PyMC.

Numba compiles PyMC's log density and gradient once. The machine code it made is stored in the
user's cache folder under a hash of everything it depends on, and a later process loads it in
milliseconds. Numba's own caches cannot do that: they need the PyTensor graph built and rewritten
again to be looked up.

This is the only module that reaches into Numba. Its calling convention is that of the versions in
the key; where anything is not as expected, `extract` raises `NotAvailable` and the caller keeps to
the plain route, the function PyTensor gives. Loaded code is never trusted: the caller compares it
with NumPy (`heor.survival.sampler.workers`).
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from heor.errors import OutputError
from heor.storage.file import write_bytes
from heor.storage.folder import settle
from heor.survival.families.distributions import Distribution
from heor.survival.families.likelihood import Piece

FORMAT = 1  # raise it when the file or the way code is called changes
PACKAGES = ("numba", "llvmlite", "numpy", "pymc", "pytensor", "scipy")
FORMULAS = (  # from the folder of the survival package
    "families/distributions.py",
    "families/likelihood.py",
    "families/ops.py",
    "families/priors.py",
    "families/special.py",
    "sampler/compiled.py",
    "sampler/model_code.py",
    "sampler/nuts.py",
    "sampler/plain_code.py",
)
ADDRESS = b"numba.dynamic.globals."  # how Numba names variables that hold an address
FOLDER = "HEOR_COMPILED"  # environment variable: another folder; empty keeps nothing


class NotAvailable(Exception):
    """Numba's machine code cannot be used here; the plain route can."""


@dataclass(frozen=True)
class MachineCode:
    """Numba's object code of (x, data...) → (log density, gradient).

    `inputs` names the data in the order the code takes them; `dims` and `dtypes` are theirs."""

    symbol: str
    inputs: tuple[str, ...]
    dims: tuple[int, ...]
    dtypes: tuple[str, ...]
    object_code: bytes


def extract(function: Any) -> MachineCode:
    """The machine code inside a PyTensor function of mode NUMBA that has been called once.

    Raises
    ------
    NotAvailable
        Numba's internals are not those this module knows.
    """
    try:
        (result,) = function.vm.jit_fn.overloads.values()
        kinds = list(result.fndesc.restype.types)
        flat = [(k.ndim, k.layout, str(k.dtype)) for k in kinds]
        if flat != [(0, "C", "float64"), (1, "C", "float64")]:
            raise NotAvailable(f"the function returns {flat}")
        shared = function.get_shared()
        names = tuple(variable.name for variable in shared)
        values = [variable.get_value(borrow=True) for variable in shared]
        taken = [(k.ndim, k.layout) for k in _flat(result.fndesc.argtypes)]
        if taken != [(1, "C"), *((value.ndim, "C") for value in values)]:
            raise NotAvailable(f"the function takes {taken}")
        code = _object_code(function.vm.jit_fn, result)
        if ADDRESS in code:
            raise NotAvailable("the code holds addresses of this process")
        return MachineCode(
            result.fndesc.llvm_func_name,
            names,
            tuple(value.ndim for value in values),
            tuple(value.dtype.str for value in values),
            code,
        )
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise NotAvailable(repr(error)) from error


def _object_code(dispatcher: Any, result: Any) -> bytes:
    """The function with all it calls, from the compiler or from Numba's own cache file."""
    try:
        return result.library._get_compiled_object()
    except RuntimeError:  # loaded from the file, handed to the linker and forgotten
        cache = dispatcher._cache
        index = cache._index_key(result.signature.args, result.library.codegen)
        _, kind, (code, _) = cache._cache_file.load(index)[0]
        if kind != "object":
            raise NotAvailable(f"Numba's cache holds {kind}") from None
        return code


def _flat(types: Any) -> list[Any]:
    """Argument types with tuples opened: Numba passes their members one after the other."""
    return [k for t in types for k in (_flat(t) if hasattr(t, "__iter__") else [t])]


class Density:
    """Machine code at work on one set of data: a function of one vector.

    `address` and `table` call it from native code: int64 f(int64 size, double *x, double *gradient,
    double *log_density, void *table), which returns 0 where both are finite.
    """

    def __init__(self, code: LoadedCode, size: int, data: Mapping[str, np.ndarray]) -> None:
        self._code = code
        self.size = size
        self._arrays = [
            np.ascontiguousarray(data[name], dtype)
            for name, dtype in zip(code.code.inputs, code.code.dtypes, strict=True)
        ]
        for array, dims, name in zip(self._arrays, code.code.dims, code.code.inputs, strict=True):
            if array.ndim != dims:
                raise ValueError(f"{name} has {array.ndim} dimensions, not {dims}")
        words = [code.entry, *_words(np.zeros(size))]
        for array in self._arrays:
            words += _words(array)
        self.table = np.array(words, np.int64)
        self.address, self.copy_address = code.address, code.copy_address
        self._x, self._slope, self._value = np.empty(size), np.empty(size), np.empty(1)
        buffers = (self._x, self._slope, self._value, self.table)
        self._arguments = [ctypes.c_void_p(b.ctypes.data) for b in buffers]

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self._x[:] = x
        status = self._code.function(self.size, *self._arguments)
        if status == 1:
            raise RuntimeError("the compiled log density raised an error")
        return float(self._value[0]), self._slope.copy()


def _words(array: np.ndarray) -> list[int]:
    """An array as Numba passes it: owner, parent, size, item size, address, shape, strides."""
    return [0, 0, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides]


class LoadedCode:
    """Machine code in memory. It lives as long as this object."""

    def __init__(self, code: MachineCode) -> None:
        import llvmlite.binding as llvm
        from numba.core.registry import cpu_target
        from numba.core.runtime import rtsys

        self.code = code
        context = cpu_target.target_context  # makes Numba's helpers known to the linker
        context.codegen()
        rtsys.initialize(context)
        self._engines = []

        def engine(source: str) -> Any:
            target = llvm.Target.from_triple(llvm.get_process_triple())
            module = llvm.parse_assembly(source)
            module.verify()
            made = llvm.create_mcjit_compiler(module, target.create_target_machine())
            self._engines.append(made)
            return made

        try:
            own = engine("")
            own.add_object_file(llvm.ObjectFileRef.from_data(code.object_code))
            own.finalize_object()
            self.entry = own.get_function_address(code.symbol)
            words = 7 + sum(5 + 2 * dims for dims in code.dims)
            caller = engine(_CALLER.format(**_call(words)))
            caller.finalize_object()
            self.address = caller.get_function_address("evaluate")
            self.copy_address = caller.get_function_address("copy")
        except RuntimeError as error:  # LLVM's errors
            raise NotAvailable(repr(error)) from error
        if not (self.entry and self.address and self.copy_address):
            raise NotAvailable("the code has no entry")
        signature = ctypes.PYFUNCTYPE(ctypes.c_int64, ctypes.c_int64, *[ctypes.c_void_p] * 4)
        self.function = signature(self.address)

    def bind(self, size: int, data: Mapping[str, np.ndarray]) -> Density:
        """The log density of one curve; `size` parameters."""
        return Density(self, size, data)


def _call(words: int) -> dict[str, str]:
    """The lines that read the arguments' words from the table and pass them on."""
    lines, arguments = [], []
    for i in range(1, words + 1):
        value = "%x.word" if i == 5 else f"%w{i}"  # the fifth word of x is its address
        arguments.append(f"i64 {value}")
        if i != 5:
            lines += [
                f"  %p{i} = getelementptr i64, ptr %table, i64 {i}",
                f"  %w{i} = load i64, ptr %p{i}",
            ]
    types = ", ".join(["i64"] * words)
    return {"read": "\n".join(lines), "types": types, "arguments": ", ".join(arguments)}


# Numba's functions return a status; results are structures of the same words as `_words`, here
# five of the log density (no dimensions) and seven of the gradient, whose owners we release.
_CALLER = """
declare void @NRT_MemInfo_release(ptr)

define void @release(ptr %owner) {{
  %none = icmp eq ptr %owner, null
  br i1 %none, label %end, label %free
free:
  call void @NRT_MemInfo_release(ptr %owner)
  br label %end
end:
  ret void
}}

define i64 @evaluate(i64 %size, ptr %x, ptr %slope, ptr %value, ptr %table) {{
entry:
  %result = alloca [12 x i64]
  %error = alloca ptr
  store ptr null, ptr %error
  %x.word = ptrtoint ptr %x to i64
  %code = load ptr, ptr %table
{read}
  %status = call i32 %code(ptr %result, ptr %error, {arguments})
  %fine = icmp eq i32 %status, 0
  br i1 %fine, label %returned, label %failed
failed:
  ret i64 1
returned:
  %value.at = getelementptr i64, ptr %result, i64 4
  %value.from = load ptr, ptr %value.at
  %v = load double, ptr %value.from
  store double %v, ptr %value
  %slope.at = getelementptr i64, ptr %result, i64 9
  %slope.from = load ptr, ptr %slope.at
  %v.zero = fmul double %v, 0.0
  br label %next
next:
  %i = phi i64 [ 0, %returned ], [ %i.next, %next ]
  %zeros = phi double [ %v.zero, %returned ], [ %zeros.next, %next ]
  %from = getelementptr double, ptr %slope.from, i64 %i
  %to = getelementptr double, ptr %slope, i64 %i
  %g = load double, ptr %from
  store double %g, ptr %to
  %g.zero = fmul double %g, 0.0
  %zeros.next = fadd double %zeros, %g.zero
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i.next, %size
  br i1 %more, label %next, label %copied
copied:
  %value.owner = load ptr, ptr %result
  %slope.owner.at = getelementptr i64, ptr %result, i64 5
  %slope.owner = load ptr, ptr %slope.owner.at
  call void @release(ptr %value.owner)
  call void @release(ptr %slope.owner)
  %finite = fcmp oeq double %zeros.next, 0.0
  %answer = select i1 %finite, i64 0, i64 3
  ret i64 %answer
}}

define i64 @copy(i64 %size, i64 %expanded, ptr %x, ptr %out, ptr %table) {{
entry:
  br label %next
next:
  %i = phi i64 [ 0, %entry ], [ %i.next, %next ]
  %from = getelementptr double, ptr %x, i64 %i
  %to = getelementptr double, ptr %out, i64 %i
  %v = load double, ptr %from
  store double %v, ptr %to
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i.next, %size
  br i1 %more, label %next, label %end
end:
  ret i64 0
}}
"""


# ------------------------------------------------------------------------------------------ on disk


def folder() -> Path | None:
    """Where machine code is kept, safe to delete; None where it is not kept."""
    if FOLDER in os.environ:
        return Path(os.environ[FOLDER]) if os.environ[FOLDER] else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "heor" / "compiled" if base else None


def key(distribution: Distribution, pieces: Sequence[Piece]) -> str:
    """sha256 of all the machine code depends on: formulas, priors, versions, processor, data names.

    The formulas enter as the source of the modules that hold them.
    """
    digest = hashlib.sha256()
    for path in _sources(distribution):
        digest.update(path.read_bytes())
        digest.update(b"\0")
    digest.update(json.dumps(_facts(distribution, pieces), sort_keys=True).encode())
    return digest.hexdigest()


def _sources(distribution: Distribution) -> list[Path]:
    files = {Path(__file__).parents[1] / name for name in FORMULAS}
    for kind in {k for d in _nested(distribution) for k in type(d).__mro__[:-1]}:
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        if file is None:
            raise NotAvailable(f"{kind.__name__} has no source file to tell its versions apart")
        files.add(Path(file))
    return sorted(files)


def _nested(distribution: Distribution) -> Iterator[Distribution]:
    """A distribution and those it is made of."""
    yield distribution
    for part in (distribution.core, *getattr(distribution, "__dict__", {}).values()):
        if isinstance(part, Distribution) and part is not distribution:
            yield from _nested(part)


def _facts(distribution: Distribution, pieces: Sequence[Piece]) -> list[Any]:
    import llvmlite.binding as llvm

    def shape(piece: Piece) -> list[Any]:
        arrays = {k: [v.dtype.str, v.ndim] for k, v in piece.data.items()}
        joint = distribution.marginal(piece.endpoint) is not distribution
        return [piece.form, piece.endpoint if joint else "", arrays]

    return [
        FORMAT,
        distribution.compile_key,
        type(distribution).__qualname__,
        [[p.name, p.transform, repr(p.prior)] for p in distribution.parameters],
        [shape(piece) for piece in pieces],
        [_version(package) for package in PACKAGES],
        [sys.version, platform.machine(), sys.platform],
        [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()],
        _options(),
    ]


def _options() -> list[str]:
    """What the environment tells PyTensor and Numba, apart from where their files and C are."""
    flags = os.environ.get("PYTENSOR_FLAGS", "").split(",")
    found = [flag for flag in flags if flag and not flag.startswith(("cxx", "base_compiledir"))]
    numba = [f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_")]
    return sorted(found) + sorted(v for v in numba if not v.startswith("NUMBA_CACHE_DIR"))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def save(name: str, code: MachineCode) -> bool:
    """Keep machine code under this key; False where the folder cannot be written."""
    place = folder()
    if place is None:
        return False
    head = json.dumps([code.symbol, code.inputs, code.dims, code.dtypes]).encode()
    body = len(head).to_bytes(8, "little") + head + code.object_code
    try:
        write_bytes(place / name, hashlib.sha256(name.encode() + body).digest() + body)
    except OutputError:
        return False
    return True


def load(name: str) -> MachineCode | None:
    """The machine code kept under this key; None where there is none, or it is damaged."""
    place = folder()
    if place is None:
        return None
    with suppress(OutputError):
        settle(place, quiet=True)
    try:
        stored = (place / name).read_bytes()
    except OSError:
        return None
    checksum, body = stored[:32], stored[32:]
    if checksum != hashlib.sha256(name.encode() + body).digest():
        return None
    size = int.from_bytes(body[:8], "little")
    symbol, inputs, dims, dtypes = json.loads(body[8 : 8 + size])
    return MachineCode(symbol, tuple(inputs), tuple(dims), tuple(dtypes), body[8 + size :])
