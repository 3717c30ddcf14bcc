// Package awslogin gets temporary AWS credentials of one profile on this machine, so that an app in a container
// gets those and nothing else of ~/.aws.
//
// It resolves everything that the AWS SDK supports on the host: an SSO login, which the SDK renews if it can, a
// credential_process with the host's programs, roles to assume, and keys in the environment. It caches nothing:
// every [Profile.Export] reads the files again, so a login in another terminal counts at once. The
// only goroutine is that of blocking.Call, while a person is asked for a code.
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
	"sdev/dev/blocking"
)

// timeout limits requests to services, and a credential_process. One that asks the user in a browser needs about
// that long.
const timeout = 90 * time.Second

// Profile is an AWS profile.
type Profile struct {
	Name   string // "" is the SDK's choice: keys in the environment, or else the default profile
	Region string // "" as the profile says
	// AskCode asks the user for the code of their MFA device; nil if there is nobody to ask.
	AskCode func() (string, error)
}

// Export returns the profile's current credentials. An error says which login is needed, and how to get it.
func (p Profile) Export(ctx context.Context) (dev.AWSKeys, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	options := []func(*config.LoadOptions) error{
		// A developer's machine has no instance role, and the request for one takes seconds.
		config.WithEC2IMDSClientEnableState(imds.ClientDisabled),
		config.WithProcessCredentialOptions(func(o *processcreds.Options) { o.Timeout = timeout }),
		config.WithAssumeRoleCredentialOptions(func(o *stscreds.AssumeRoleOptions) {
			o.TokenProvider = func() (string, error) { return blocking.Call(ctx, p.code) }
		}),
	}
	if p.Name != "" {
		options = append(options, config.WithSharedConfigProfile(p.Name))
	}
	if p.Region != "" {
		options = append(options, config.WithRegion(p.Region))
	}
	if err := checkSettings(); err != nil {
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

// checkSettings checks the files that the SDK is about to read completely: it would block on a pipe or a device.
func checkSettings() error {
	for file, variable := range map[string]string{config.DefaultSharedConfigFilename(): "AWS_CONFIG_FILE", config.DefaultSharedCredentialsFilename(): "AWS_SHARED_CREDENTIALS_FILE"} {
		if _, err := dev.ReadFile(cmp.Or(os.Getenv(variable), file)); dev.IsUnsuitableFile(err) {
			return &dev.Error{Code: dev.CodeAWSLogin, Exit: dev.ExitFailed, Cause: err, Message: "the AWS settings cannot be read: " + err.Error(), Hint: "replace it by a regular file: aws configure sso"}
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

// explain says what is wrong. It does not pass on messages of the SDK that may hold the output of a
// credential_process.
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
		e.Message, e.Hint = fmt.Sprintf("%s gave no credentials within %s", name, timeout), "check that AWS, and the service of the profile's credential_process, can be reached"
	case is[config.SharedConfigProfileNotExistError](err):
		e.Code, e.Message = dev.CodeAWSProfile, name+" is in neither ~/.aws/config nor ~/.aws/credentials"
		e.Hint = configure + " (or choose another one: x-sdev.aws.profile, AWS_PROFILE)"
	case is[*processcreds.ProviderError](err):
		e.Message, e.Hint = fmt.Sprintf("the credential_process of %s gave no credentials: %s", name, processFault(err)), "run the command in ~/.aws/config by hand and check its output"
	case is[*ssocreds.InvalidTokenError](err), strings.Contains(err.Error(), "SSO token"), errors.As(err, &api) && api.ErrorCode() == "UnauthorizedException":
		e.Message, e.Hint = "the AWS login of "+strings.TrimPrefix(name, "AWS ")+" has expired, or does not exist", login
	case errors.Is(err, errNobody), is[config.AssumeRoleTokenProviderNotSetError](err):
		e.Message, e.Hint = name+" needs the code of an MFA device, and "+errNobody.Error(), "run the command on a terminal, or log in with: aws sso login"
	case errors.As(err, &api):
		e.Message = fmt.Sprintf("AWS refused %s: %s: %s", strings.TrimPrefix(name, "AWS "), api.ErrorCode(), cmp.Or(api.ErrorMessage(), "without a message"))
		e.Hint = "check the account and the role of the profile"
	case strings.Contains(err.Error(), "IMDS"): // the SDK's last resort, so nothing else was found
		e.Message, e.Hint = name+" has no credentials", configure
	default:
		e.Message, e.Hint = fmt.Sprintf("%s cannot be used: %v", name, err), "check ~/.aws/config"
	}
	return e
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// processFault says what is wrong with a credential_process, without its output.
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
		return "its output is not valid JSON"
	}
	return "it cannot be started"
}
