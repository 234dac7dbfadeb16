//! The names that a pickle may import: what each of them means here, and which of them only an attacker writes.

use super::dtype::{Element, PyTorchDtype};
use super::heap::Global;

/// The meaning of a global, or none for a foreign one.
pub(super) fn known(module: &str, name: &str) -> Option<Global> {
    Some(match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("collections", "defaultdict") => Global::DefaultDict,
        ("builtins" | "__builtin__", "dict") => Global::Dict,
        ("builtins" | "__builtin__", "list" | "set" | "frozenset") => Global::List,
        ("builtins" | "__builtin__", "tuple") | ("torch", "Size") => Global::Tuple,
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_tensor_v3") => Global::RebuildTensorTyped,
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => Global::RebuildParameter,
        ("torch._tensor", "_rebuild_from_type_v2") => Global::RebuildFromType,
        ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Global::NumpyScalar,
        ("numpy", "dtype") => Global::NumpyDtype,
        ("_codecs", "encode") => Global::Encode,
        ("torch" | "torch.storage", _) => {
            return Element::of_storage(name)
                .map(Global::Storage)
                .or_else(|| PyTorchDtype::from_torch(name).map(Global::Dtype));
        }
        _ => return None,
    })
}

/// Modules that no checkpoint has a reason to name: they start programs, run code or reach files and the network.
const HOSTILE_MODULES: [&str; 26] = [
    "_pickle",
    "bdb",
    "cProfile",
    "cffi",
    "codeop",
    "ctypes",
    "ensurepip",
    "ftplib",
    "imp",
    "importlib",
    "marshal",
    "multiprocessing",
    "nt",
    "os",
    "pdb",
    "pickle",
    "pip",
    "popen2",
    "posix",
    "pty",
    "runpy",
    "shutil",
    "smtplib",
    "socket",
    "subprocess",
    "webbrowser",
];

/// Built-in functions that run code, read files or look names up.
const HOSTILE_BUILTINS: [&str; 14] = [
    "__import__",
    "apply",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "execfile",
    "globals",
    "input",
    "locals",
    "open",
    "setattr",
    "vars",
];

/// Whether a file that names this global is to be taken for an attack.
///
/// Nothing that a pickle names is ever run, so this list protects nobody here. It is there so that such a file is called
/// what it is, before someone opens it with a program that does run it.
pub(super) fn is_hostile(module: &str, name: &str) -> bool {
    let package = module.split('.').next().unwrap_or(module);
    match package {
        "builtins" | "__builtin__" => {
            HOSTILE_BUILTINS.contains(&name.split('.').next().unwrap_or(name)) || name.contains("__globals__")
        }
        "sys" => name.starts_with("modules") || name.starts_with("settrace") || name.starts_with("setprofile"),
        _ => HOSTILE_MODULES.contains(&package),
    }
}
