package dev

import (
	"errors"
	"fmt"
)

// Exit codes of the program. The meanings are in [ExitCodes].
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitProject     = 3
	ExitEngine      = 4
	ExitNotReady    = 5
	ExitInterrupted = 130
)

// ExitCode is a row of the table of exit codes, which help, README and tests share.
type ExitCode struct {
	Code  int
	About string
}

// ExitCodes returns the whole table, in ascending order.
func ExitCodes() []ExitCode {
	return []ExitCode{
		{ExitOK, "done"},
		{ExitFailed, "failed"},
		{ExitUsage, "wrong usage"},
		{ExitProject, "bad project or compose file"},
		{ExitEngine, "container engine unreachable"},
		{ExitNotReady, "a service never became ready"},
		{ExitInterrupted, "interrupted"},
	}
}

// Code is the stable dotted name of a kind of error or warning.
type Code string

// The kinds of errors and warnings. [Codes] documents each.
const (
	CodeInternal          Code = "internal"
	CodeInterrupted       Code = "interrupted"
	CodeUsage             Code = "usage"
	CodeProjectMissing    Code = "project.missing"
	CodeProjectInvalid    Code = "project.invalid"
	CodeAssumed           Code = "project.assumed"
	CodeComposeSyntax     Code = "compose.syntax"
	CodeComposeInvalid    Code = "compose.invalid"
	CodeComposeKey        Code = "compose.unsupported"
	CodeComposeVariable   Code = "compose.variable"
	CodeComposeEnvFile    Code = "compose.env-file"
	CodeXSdev             Code = "x-sdev.invalid"
	CodeAppMissing        Code = "app.missing"
	CodeAppAmbiguous      Code = "app.ambiguous"
	CodeAppExited         Code = "app.exited"
	CodeAppTLS            Code = "app.tls"
	CodeAppRaised         Code = "app.raised"
	CodeAppNotReady       Code = "app.not-ready"
	CodeEngineUnreachable Code = "engine.unreachable"
	CodeEnginePermission  Code = "engine.permission"
	CodeEngineFar         Code = "engine.far"
	CodeEngineTooOld      Code = "engine.too-old"
	CodeHostGateway       Code = "engine.host-gateway"
	CodeEngine            Code = "engine.failed"
	CodeGateway           Code = "gateway.failed"
	CodeGatewayMissing    Code = "gateway.missing"
	CodeImageMissing      Code = "image.missing"
	CodeImagePlatform     Code = "image.platform"
	CodeImageOld          Code = "image.old"
	CodeImageInvalid      Code = "image.invalid"
	CodeBuildFailed       Code = "build.failed"
	CodeBuildCA           Code = "build.ca"
	CodeBuildProxy        Code = "build.proxy"
	CodePython            Code = "python.missing"
	CodePortTaken         Code = "port.taken"
	CodePortOpen          Code = "port.open"
	CodePortMoved         Code = "port.moved"
	CodeBusy              Code = "project.busy"
	CodeCheckout          Code = "project.checkout"
	CodeElsewhere         Code = "project.elsewhere"
	CodeNotRunning        Code = "project.not-running"
	CodeServiceUnknown    Code = "service.unknown"
	CodeServiceExited     Code = "service.exited"
	CodeServiceUnhealthy  Code = "service.unhealthy"
	CodeServiceEngine     Code = "service.needs-engine"
	CodeVolumeChanged     Code = "volume.changed"
	CodeVolumeKept        Code = "volume.kept"
	CodeStateUnsafe       Code = "state.unsafe"
	CodeMountStale        Code = "mount.stale"
	CodeAWSMissing        Code = "aws.missing"
	CodeAWSExpired        Code = "aws.expired"
	CodeAWSProfile        Code = "aws.profile"
	CodeAWSLogin          Code = "aws.login"
	CodeAuthMode          Code = "auth.mode"
	CodeAuthBypass        Code = "auth.bypass"
	CodeAuthUnmapped      Code = "auth.unmapped"
	CodeAuthSecrets       Code = "auth.secrets"
	CodeAuthBoto3         Code = "auth.boto3"
	CodeAuthStreamlit     Code = "auth.streamlit"
	CodeAuthOff           Code = "auth.off"
	CodeAuthInvalid       Code = "auth.invalid"
	CodeAuthFault         Code = "auth.fault"
	CodeAuthState         Code = "auth.state"
	CodeAuthBackChannel   Code = "auth.back-channel"
	CodeAuthCookies       Code = "auth.cookies"
	CodeAuthKeys          Code = "auth.keys"
	CodeAuthExpect        Code = "auth.expect"
	CodeOrigin            Code = "origin.refused"
	CodeComponent         Code = "component.isolated"
	CodeForged            Code = "header.dropped"
	CodeCookieSize        Code = "cookie.too-large"
	CodeCAInvalid         Code = "ca.invalid"
	CodeSecretsMissing    Code = "secrets.missing"
	CodeReloadIgnored     Code = "reload.ignored"
	CodeReloadNoTab       Code = "reload.no-tab"
	CodeReloadUnseen      Code = "reload.unseen"
	CodeReloadOff         Code = "reload.off"
	CodeReloadUnmounted   Code = "reload.unmounted"
	CodeReloadStreamlit   Code = "reload.streamlit"
	CodeRebuildPending    Code = "rebuild.pending"
	CodeWatchLimit        Code = "watch.limit"
	CodeWatchSilent       Code = "watch.silent"
	CodeSyncFailed        Code = "sync.failed"
	CodeSyncExec          Code = "sync.exec"
	CodeSyncUnattended    Code = "sync.unattended"
	CodeScaffoldTarget    Code = "scaffold.target"
	CodeScaffoldConflict  Code = "scaffold.conflict"
	CodeScaffoldName      Code = "scaffold.name"
	CodeScaffoldGit       Code = "scaffold.git"
	CodeDeployValue       Code = "deploy.value"
	CodeDeployBlocked     Code = "deploy.blocked"
	CodeDeployConflict    Code = "deploy.conflict"
	CodeDeployChanged     Code = "deploy.changed"
	CodeDeployDir         Code = "deploy.folder"
	CodeDeployRecord      Code = "deploy.record"
	CodeGitFailed         Code = "git.failed"
	CodeUpdate            Code = "update.unknown"
)

// CodeDoc documents a code.
type CodeDoc struct {
	Code  Code
	About string
}

// Codes documents every code, in the order in which help prints them.
func Codes() []CodeDoc {
	return []CodeDoc{
		{CodeInternal, "a bug in sdev itself"},
		{CodeInterrupted, "stopped by a signal"},
		{CodeUsage, "a flag or an argument is wrong"},
		{CodeProjectMissing, "no project: no compose file in this directory or above it, and no Streamlit app"},
		{CodeProjectInvalid, "the project as a whole cannot be used"},
		{CodeAssumed, "warning: sdev assumed something that no file of the project says"},
		{CodeComposeSyntax, "the compose file is not valid YAML"},
		{CodeComposeInvalid, "the compose file does not follow the Compose Specification"},
		{CodeComposeKey, "the compose file has a key that sdev does not apply"},
		{CodeComposeVariable, "a variable in the compose file is not set"},
		{CodeComposeEnvFile, "an env_file is missing or cannot be read"},
		{CodeXSdev, "an x-sdev setting is unknown or has a wrong value"},
		{CodeAppMissing, "sdev cannot tell which service of the compose file is the Streamlit app"},
		{CodeAppAmbiguous, "several scripts could be the app"},
		{CodeAppExited, "the app exited before its page answered"},
		{CodeAppTLS, "warning: the app serves its page over TLS, and sdev passes it on as plain http"},
		{CodeAppRaised, "the app raised an exception after the save that sdev wait waits for"},
		{CodeAppNotReady, "the app's page did not answer in time"},
		{CodeEngineUnreachable, "the container engine does not answer"},
		{CodeEnginePermission, "this user may not open the container engine's socket"},
		{CodeEngineFar, "the container engine publishes ports on another machine"},
		{CodeEngineTooOld, "the container engine is older than sdev supports"},
		{CodeHostGateway, "warning: an extra host with the address host-gateway leads to the engine's virtual machine, and not to this machine"},
		{CodeEngine, "the container engine refused a request"},
		{CodeGateway, "the gateway of a running project does not answer a command"},
		{CodeGatewayMissing, "this sdev has no gateway that runs on the container engine, or a damaged one"},
		{CodeImageMissing, "an image is not on the engine, and no registry provides it"},
		{CodeImagePlatform, "an image is for another platform than the engine's"},
		{CodeImageOld, "warning: an image could not be pulled, so the engine's existing copy runs"},
		{CodeImageInvalid, "an image, or an archive of one, cannot be read"},
		{CodeBuildFailed, "an image build failed"},
		{CodeBuildCA, "warning: some build steps do not trust the extra CA"},
		{CodeBuildProxy, "warning: a Dockerfile puts this machine's proxy into the image"},
		{CodePython, "this machine has no Python that the project accepts, which an app needs without a container engine"},
		{CodePortTaken, "the requested port is in use"},
		{CodePortOpen, "warning: without a container engine, the app listens at a port of this machine, where other programs reach it without the login"},
		{CodePortMoved, "warning: the usual port is taken, so sdev uses another one"},
		{CodeBusy, "another sdev is changing this project right now"},
		{CodeCheckout, "this checkout of a project runs beside another one, under a name of its own"},
		{CodeElsewhere, "another directory runs a project of the same name; as a warning: a volume in use was created from another directory"},
		{CodeNotRunning, "the project is not running"},
		{CodeServiceUnknown, "there is no such service"},
		{CodeServiceExited, "a service that others wait for exited; as a warning: a service of the project exited, or could not start"},
		{CodeServiceUnhealthy, "a service that others wait for is unhealthy, or did not become healthy in time"},
		{CodeServiceEngine, "warning: the project runs without a container engine, and some of its services need one"},
		{CodeVolumeChanged, "a volume's settings changed, and recreating the volume would lose its data"},
		{CodeVolumeKept, "warning: a volume of the project stays, because this directory is not its only owner"},
		{CodeStateUnsafe, "sdev's own directory, or something in it, is a link or belongs to somebody else; sdev neither reads nor writes it"},
		{CodeMountStale, "warning: a file is mounted on its own, so the container does not see later saves of it"},
		{CodeAWSMissing, "warning: there is no ~/.aws to mount"},
		{CodeAWSExpired, "warning: the AWS login has expired"},
		{CodeAWSProfile, "this machine has no such AWS profile"},
		{CodeAWSLogin, "the AWS profile gives no credentials: sign in first, or repair what creates them"},
		{CodeAuthMode, "the code has no login that sdev can run, or sdev cannot tell which one it has"},
		{CodeAuthBypass, "warning: the code, or a file of the project, decides by itself whether the login is bypassed"},
		{CodeAuthUnmapped, "warning: the app uses an address of a real identity provider that sdev cannot lead to the local one"},
		{CodeAuthSecrets, "a secrets.toml cannot be read"},
		{CodeAuthBoto3, "boto3 is too old to use the local parameter store"},
		{CodeAuthStreamlit, "warning: this version of Streamlit has known bugs in st.login"},
		{CodeAuthOff, "the project runs in local mode, in which nobody signs in at the local provider"},
		{CodeAuthInvalid, "a setting of the local provider cannot be used: issuer, profile, people or clients"},
		{CodeAuthFault, "the local provider has no such fault, or the fault does not take these parameters"},
		{CodeAuthState, "the local provider cannot store its keys and sessions; as a warning: they were damaged, and sdev recreated them"},
		{CodeAuthBackChannel, "warning: a client could not be notified that somebody signed out"},
		{CodeAuthCookies, "warning: the browser sends a cookie of a front door that another project on this host name has set"},
		{CodeAuthKeys, "warning: the app's code cannot fetch the keys of the front door from the gateway"},
		{CodeAuthExpect, "the decisions about who may reach what differ from those in a file, or the file cannot be read"},
		{CodeOrigin, "warning: sdev refused a request from a page of another origin; x-sdev.origins lists the origins to allow"},
		{CodeComponent, "warning: a component that x-sdev.components isolates requested what it cannot reach, or may need that; or it cannot be isolated"},
		{CodeForged, "warning: a browser sent an identity header that only identity proxies may send, or more cookies than fit; sdev dropped them"},
		{CodeCookieSize, "warning: cookies are larger than browsers store, or than the app's server accepts"},
		{CodeCAInvalid, "the extra CA file cannot be read or contains no certificate"},
		{CodeSecretsMissing, "warning: the app's code reads secrets or environment variables that nothing sets"},
		{CodeReloadIgnored, "no save of this file changes the app, so none becomes live"},
		{CodeReloadNoTab, "warning: no browser tab is open to show a save"},
		{CodeReloadUnseen, "warning: no open tab ran its script after a save"},
		{CodeReloadOff, "warning: the app's settings turn reloading off"},
		{CodeReloadUnmounted, "warning: the container does not see the app's source, so saves are not live"},
		{CodeReloadStreamlit, "warning: this version of Streamlit is older than sdev supports, so saves may not be live"},
		{CodeRebuildPending, "warning: a change needs a rebuild or a restart, but no sdev up is running to do it"},
		{CodeWatchLimit, "warning: the system's limit of file watches is reached"},
		{CodeWatchSilent, "warning: containers do not notice saves on this machine, so sdev copies the files"},
		{CodeSyncFailed, "a file, or the whole project, could not be copied into its container"},
		{CodeSyncExec, "warning: a sync+exec command failed"},
		{CodeSyncUnattended, "warning: saves are copied only while sdev up runs"},
		{CodeScaffoldTarget, "the directory cannot take a project"},
		{CodeScaffoldConflict, "existing files differ from what sdev would write"},
		{CodeScaffoldName, "the name cannot be used for a project"},
		{CodeScaffoldGit, "sdev created the project, but not its git repository"},
		{CodeDeployValue, "a value for the hand-off is missing or not valid"},
		{CodeDeployBlocked, "a finding or a missing value blocks the hand-off"},
		{CodeDeployConflict, "you and sdev changed the same lines of a rendered file"},
		{CodeDeployChanged, "with --check: the files on disk differ from what sdev would render"},
		{CodeDeployDir, "the directory cannot take the files of the hand-off"},
		{CodeDeployRecord, "the record of the last hand-off cannot be used"},
		{CodeGitFailed, "git cannot read the project's repository"},
		{CodeUpdate, "the newest release of sdev cannot be found out"},
	}
}

// Error is a failure with all that its reader needs: what went wrong, where, what to do, and the exit code. The
// code that knows the cause creates it; the command line prints it once, at the end.
type Error struct {
	Code    Code
	Message string // lower case, no trailing full stop
	Hint    string // the command or edit that helps; may be empty
	File    string // the user's file that is wrong, with Line; may be empty
	Line    int    // from 1; 0 if unknown
	Exit    int
	Cause   error
}

// Error returns file:line and the message, without the cause.
func (e *Error) Error() string {
	switch {
	case e.File != "" && e.Line > 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
	case e.File != "":
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// Event returns the error as the last event of a stream.
func (e *Error) Event() Failed {
	return Failed{Code: e.Code, Message: e.Message, Hint: e.Hint, File: e.File, Line: e.Line, Exit: e.Exit}
}

// Err returns the event as the error that it is about.
func (f Failed) Err() *Error {
	return &Error{Code: f.Code, Message: f.Message, Hint: f.Hint, File: f.File, Line: f.Line, Exit: f.Exit}
}

// AsError returns err as an *Error. An error of another type becomes CodeInternal, exit 1.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Message: err.Error(), Exit: ExitFailed, Cause: err}
}

// UsageError returns an error about a command line: exit code 2.
func UsageError(message, hint string) *Error {
	return &Error{Code: CodeUsage, Message: message, Hint: hint, Exit: ExitUsage}
}
