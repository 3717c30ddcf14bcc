//go:build foreign

package awslocal_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asBoto3 asks the store as apps do, and prints what came.
const asBoto3 = `
import json, boto3
from botocore.exceptions import ClientError
ssm = boto3.client("ssm")
out = {}
def ask(name, call):
    try:
        out[name] = call()
    except ClientError as e:
        out[name] = e.response["Error"]["Code"]
ask("one", lambda: ssm.get_parameter(Name="/app/oauth", WithDecryption=True)["Parameter"]["Value"])
ask("version", lambda: ssm.get_parameter(Name="/app/oauth:1", WithDecryption=True)["Parameter"]["Selector"])
ask("arn", lambda: ssm.get_parameter(Name=ssm.get_parameter(Name="/app/oauth")["Parameter"]["ARN"], WithDecryption=True)["Parameter"]["Value"])
ask("closed", lambda: ssm.get_parameter(Name="/app/oauth")["Parameter"]["Value"] != "secret")
ask("date", lambda: str(ssm.get_parameter(Name="/app/oauth")["Parameter"]["LastModifiedDate"].year > 2000))
ask("some", lambda: [ssm.get_parameters(Names=["/app/name", "/no"])[k] for k in ("InvalidParameters",)])
ask("pages", lambda: [p["Name"] for page in ssm.get_paginator("get_parameters_by_path").paginate(Path="/many", Recursive=True, MaxResults=4, WithDecryption=True) for p in page["Parameters"]])
ask("described", lambda: len([p for page in ssm.get_paginator("describe_parameters").paginate(MaxResults=5) for p in page["Parameters"]]))
ask("missing", lambda: ssm.get_parameter(Name="/app/../../etc/passwd"))
ask("wrong name", lambda: ssm.get_parameter(Name="/app//x"))
ask("wrong version", lambda: ssm.get_parameter(Name="/app/oauth:9"))
ask("put", lambda: ssm.put_parameter(Name="/x", Value="y", Type="String"))
ask("filter", lambda: ssm.get_parameters_by_path(Path="/", ParameterFilters=[{"Key": "Type", "Values": ["String"]}]))
ask("other", lambda: ssm.list_commands())
# An exception of the service's own model, as careful apps catch it.
try:
    ssm.get_parameter(Name="/no/such")
except ssm.exceptions.ParameterNotFound as e:
    out["caught"] = "x-sdev.aws.parameters" in str(e)
print(json.dumps(out))
`

func TestForeignBoto3_ReadsTheStoreAsAWSs(t *testing.T) {
	python := os.Getenv("SDEV_FOREIGN_PYTHON")
	if python == "" {
		t.Fatal(`SDEV_FOREIGN_PYTHON is not set: eval "$(.ci/foreign)"`)
	}
	values := map[string]string{"/app/oauth": "secret", "/app/name": "plain:shop"}
	for _, n := range strings.Fields("a b c d e f g h i") {
		values["/many/"+n+"/x"] = n
	}
	server := httptest.NewServer(store(values))
	defer server.Close()
	cmd := exec.CommandContext(t.Context(), python, "-c", asBoto3)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL_SSM="+server.URL, "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=x", "AWS_DEFAULT_REGION=eu-west-1", "NO_PROXY=127.0.0.1", "AWS_CONFIG_FILE=/nowhere")
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for name, want := range map[string]string{
		"one": `"secret"`, "version": `":1"`, "arn": `"secret"`, "closed": `true`, "date": `"True"`, "some": `[["/no"]]`, "caught": `true`, "described": `11`,
		"pages":   `["/many/a/x","/many/b/x","/many/c/x","/many/d/x","/many/e/x","/many/f/x","/many/g/x","/many/h/x","/many/i/x"]`,
		"missing": `"ParameterNotFound"`, "wrong name": `"ValidationException"`, "wrong version": `"ParameterVersionNotFound"`,
		"put": `"AccessDeniedException"`, "filter": `"InvalidFilterKey"`, "other": `"UnknownOperationException"`,
	} {
		if b, err := json.Marshal(got[name]); err != nil || string(b) != want {
			t.Errorf("%s: %s, want %s", name, b, want)
		}
	}
}
