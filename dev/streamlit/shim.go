package streamlit

import (
	_ "embed"
	"slices"
)

//go:embed sitecustomize.py
var shim []byte

//go:embed saves.py
var saves []byte

//go:embed port.py
var port []byte

// ShimName is the name under which Python finds the shim in a directory on its path.
const ShimName = "sitecustomize.py"

//go:embed sdev_identity.py
var shimIdentity []byte

//go:embed sdev_person.py
var shimPerson []byte

// Further modules of the shim, which it loads if a variable is set.
const (
	// ShimIdentity is set to a [dev.IdentityMap] as JSON, and makes the addresses of identity providers lead to the local
	// one.
	ShimIdentity       = "SDEV_IDENTITY"
	ShimIdentityModule = "sdev_identity.py"
	// ShimPerson is set to a person's claims as JSON, and gives st.user that person.
	ShimPerson       = "SDEV_PERSON"
	ShimPersonModule = "sdev_person.py"
)

// ShimModules returns the modules by name. They must be in the directory of the shim.
func ShimModules() map[string][]byte {
	return map[string][]byte{ShimIdentityModule: append([]byte(nil), shimIdentity...), ShimPersonModule: append([]byte(nil), shimPerson...)}
}

// Variables that make the app listen at a port, in spite of flags in a start script or a launcher.
const (
	ShimPort = "SDEV_PORT" // the port; unset if the app's command names one that the gateway knows
	// ShimEntry is the app's script. A server in the app's container that runs another script keeps its port.
	ShimEntry = "SDEV_ENTRY"
	// ShimSocket is the path of a unix socket at which the app listens instead of the port. The shim makes its directory.
	// Versions of Streamlit that the shim does not know listen at the port.
	ShimSocket = "SDEV_SOCKET"
)

// ShimLogin is the variable that holds the login mode; it is unset if the login is bypassed.
const ShimLogin = "SDEV_LOGIN"

// Shim returns the Python file that Python runs at its start, if it is in a directory at the front of PYTHONPATH. It
// keeps directories out of Streamlit's list of watched files: otherwise Streamlit needs seconds instead of a tenth of a
// second to notice a save in a package without __init__.py.
//
// It also makes Streamlit notice every save, even one in a tab's first moments, while the first run loads the files.
//
// If the variable [ShimLogin] is set, it keeps LOCAL_STREAMLIT unset, whatever sets it in the app's process, and prints
// a line that [dev.ParseShimWarning] reads.
//
// If the variable [ShimIdentity] or [ShimPerson] is set, it loads one of the [ShimModules].
//
// If the variable [ShimBytecode] is set, it keeps the bytecode of installed packages in that directory. That part comes
// first, because it speeds up everything that Python imports after it. The caller may keep the bytes.
func Shim() []byte { return slices.Concat(bytecode, saves, port, shim) }
