package streamlit

import _ "embed"

// The cache of bytecode: a part of the shim, in a file of its own.
//
// Images that uv built hold no bytecode, and Python's official images hold none of the standard library, so Python
// compiles Streamlit and pandas at each start, which takes longer than everything else in a start. The shim keeps the
// bytecode in a volume of the project.

//go:embed bytecode.py
var bytecode []byte

// ShimBytecode is the variable that names the directory of the cache. If it is unset, or the app's user cannot write to
// the directory, nothing is kept.
const ShimBytecode = "SDEV_BYTECODE"
