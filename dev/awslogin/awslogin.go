// Package awslogin gets temporary AWS credentials for one profile on this machine, so that an app in
// a container can have those and nothing else of ~/.aws.
//
// Everything that the AWS SDK knows is resolved here, on the host: an SSO login, renewed by itself
// where it can be, a credential_process with the host's own programs, roles to assume, keys in the
// environment. Nothing is kept: every [Profile.Export] reads the files again, so that a login made in
// another terminal counts at once. The package starts no goroutine.
package awslogin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/smithy-go"

	"sdev/dev"
)

// patience is how long services, and a credential_process, may take. One that asks a person in a
// browser needs about that long.
const patience = 90 * time.Second

// Profile is whose credentials are wanted.
type Profile struct {
	Name   string // "" is what the SDK chooses: keys in the environment, else the default profile
	Region string // "" as the profile says
	// AskCode asks a person for the code of their MFA device; nil where nobody can be asked.
	AskCode func() (string, error)
}

// Export gives the profile's credentials as they are now. An error says which login is needed, and
// how to get it.
func (p Profile) Export(ctx context.Context) (dev.AWSKeys, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	options := []func(*config.LoadOptions) error{
		// This is a developer's machine: asking for an instance's role costs seconds and finds none.
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithProcessCredentialOptions(func(o *processcreds.Options) { o.Timeout = patience }),
		config.WithAssumeRoleCredentialOptions(func(o *stscreds.AssumeRoleOptions) {
			o.TokenProvider = func() (string, error) { return dev.Interruptible(ctx, p.code) }
		}),
	}
	if p.Name != "" {
		options = append(options, config.WithSharedConfigProfile(p.Name))
	}
	if p.Region != "" {
		options = append(options, config.WithRegion(p.Region))
	}
	if err := settingsFit(); err != nil {
		return dev.AWSKeys{}, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return dev.AWSKeys{}, p.explain(ctx, err)
	}
	got, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return dev.AWSKeys{}, p.explain(ctx, err)
	}
	keys := dev.AWSKeys{AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken}
	if got.CanExpire {
		keys.Expires = got.Expires
	}
	return keys, nil
}

// settingsFit looks at the files that the SDK is about to read as a whole: of a pipe it would wait for the
// end, and of a device forever.
func settingsFit() error {
	for file, variable := range map[string]string{config.DefaultSharedConfigFilename(): "AWS_CONFIG_FILE", config.DefaultSharedCredentialsFilename(): "AWS_SHARED_CREDENTIALS_FILE"} {
		if _, err := dev.ReadFile(cmp.Or(os.Getenv(variable), file)); dev.IsUnfit(err) {
			return &dev.Error{Code: dev.CodeAWSLogin, Exit: dev.ExitFailed, Cause: err, Message: "the AWS settings cannot be read: " + err.Error(), Hint: "put a regular file there: aws configure sso"}
		}
	}
	return nil
}

var errNobody = errors.New("there is no terminal to ask for it")

// code asks for the code of an MFA device.
func (p Profile) code() (string, error) {
	if p.AskCode == nil {
		return "", errNobody
	}
	return p.AskCode()
}

// explain says what is in the way. What the SDK says is not passed on where it may hold what a
// credential_process printed.
func (p Profile) explain(ctx context.Context, err error) error {
	e := &dev.Error{Code: dev.CodeAWSLogin, Exit: dev.ExitFailed, Cause: err}
	login, configure := "run: aws sso login", "run: aws configure sso"
	if p.Name != "" {
		login, configure = login+" --profile "+p.Name, configure+" --profile "+p.Name
	}
	name := "the default AWS profile"
	if p.Name != "" {
		name = "AWS profile " + p.Name
	}
	var api smithy.APIError
	switch {
	case ctx.Err() != nil:
		e.Message, e.Hint = fmt.Sprintf("%s gave no credentials within %s", name, patience), "see whether AWS, and what the profile's credential_process asks, can be reached"
	case is[config.SharedConfigProfileNotExistError](err):
		e.Code, e.Message = dev.CodeAWSProfile, name+" is in neither ~/.aws/config nor ~/.aws/credentials"
		e.Hint = configure + " (or name another: x-sdev.aws.profile, AWS_PROFILE)"
	case is[*processcreds.ProviderError](err):
		e.Message, e.Hint = fmt.Sprintf("the credential_process of %s gave no credentials: %s", name, processFault(err)), "run the command that ~/.aws/config names by hand, and see what it says"
	case is[*ssocreds.InvalidTokenError](err), strings.Contains(err.Error(), "SSO token"), errors.As(err, &api) && api.ErrorCode() == "UnauthorizedException":
		e.Message, e.Hint = "the AWS login of "+strings.TrimPrefix(name, "AWS ")+" has run out, or was never made", login
	case errors.Is(err, errNobody), is[config.AssumeRoleTokenProviderNotSetError](err):
		e.Message, e.Hint = name+" needs the code of an MFA device, and "+errNobody.Error(), "run it on a terminal, or log in with: aws sso login"
	case errors.As(err, &api):
		e.Message = fmt.Sprintf("AWS refused %s: %s: %s", strings.TrimPrefix(name, "AWS "), api.ErrorCode(), cmp.Or(api.ErrorMessage(), "it says no more"))
		e.Hint = "see whether the profile names the right account and role"
	case strings.Contains(err.Error(), "IMDS"): // the SDK's last resort, so nothing else was found
		e.Message, e.Hint = name+" has no credentials", configure
	default:
		e.Message, e.Hint = fmt.Sprintf("%s cannot be used: %v", name, err), "see ~/.aws/config"
	}
	return e
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// processFault says what was wrong with a credential_process, without what it printed.
func processFault(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.Error()
	}
	for _, fault := range []string{"wrong version", "missing AccessKeyId", "missing SecretAccessKey"} {
		if strings.Contains(err.Error(), fault) {
			return fault + " in its output"
		}
	}
	if strings.Contains(err.Error(), "parse failed") {
		return "its output is not the JSON that it has to be"
	}
	return "it cannot be run"
}
