package awslocal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sdev/dev"
	"sdev/dev/awslocal"
)

// signature is what an SDK signs with; nobody verifies it.
const signature = "AWS4-HMAC-SHA256 Credential=AKIA/20260102/eu-west-1/ssm/aws4_request, SignedHeaders=host, Signature=00"

type storeAnswer struct {
	Type       string `json:"__type"`
	Message    string `json:"message"`
	Parameter  storeParameter
	Parameters []storeParameter
	NextToken  string
	// InvalidParameters is nil where it was not sent.
	InvalidParameters []string
}

type storeParameter struct {
	Name, Type, Value, Selector, ARN, DataType, Tier string
	Version                                          int
	LastModifiedDate                                 float64
}

func store(values map[string]string) *awslocal.Parameters {
	var p awslocal.Parameters
	all := map[string]dev.Parameter{}
	for name, value := range values {
		text, plain := strings.CutPrefix(value, "plain:")
		all[name] = dev.Parameter{Value: text, Secure: !plain}
	}
	p.Set(all)
	return &p
}

// ask sends an operation as an SDK does.
func ask(t *testing.T, p http.Handler, operation, body string) (storeAnswer, *httptest.ResponseRecorder) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:18500/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "AmazonSSM."+operation)
	r.Header.Set("Authorization", signature)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	var a storeAnswer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%s: %v\n%s", operation, err, w.Body)
	}
	if w.Header().Get("Content-Type") != "application/x-amz-json-1.1" || w.Header().Get("x-amzn-RequestId") == "" {
		t.Errorf("%s: headers %v", operation, w.Header())
	}
	if (w.Code == http.StatusOK) != (a.Type == "") {
		t.Errorf("%s: status %d with %+v", operation, w.Code, a)
	}
	return a, w
}

func TestParameters_GiveAValueAsTheStoreDoes(t *testing.T) {
	p := store(map[string]string{"/streamlit/oauth": "secret text", "plain": "plain:open"})
	a, _ := ask(t, p, "GetParameter", `{"Name":"/streamlit/oauth","WithDecryption":true}`)
	got := a.Parameter
	if got.Value != "secret text" || got.Type != "SecureString" || got.Version != 1 || got.DataType != "text" || got.LastModifiedDate < 1e9 || got.ARN != "arn:aws:ssm:eu-west-1:000000000000:parameter/streamlit/oauth" {
		t.Errorf("%+v", got)
	}
	for _, name := range []string{"plain", "plain:1", "arn:aws:ssm:eu-west-1:1:parameter/plain"} {
		if a, _ := ask(t, p, "GetParameter", `{"Name":"`+name+`"}`); a.Parameter.Value != "open" || a.Parameter.Type != "String" || a.Parameter.Name != "plain" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if a, _ := ask(t, p, "GetParameter", `{"Name":"arn:aws:ssm:eu-west-1:1:parameter/streamlit/oauth:1","WithDecryption":true}`); a.Parameter.Value != "secret text" || a.Parameter.Selector != ":1" {
		t.Errorf("by ARN and version: %+v", a)
	}
}

func TestParameters_ASecureOneStaysClosedWithoutDecryption(t *testing.T) {
	p := store(map[string]string{"/a": `{"web":{"client_secret":"xyzzy"}}`})
	one, w := ask(t, p, "GetParameter", `{"Name":"/a"}`)
	two, _ := ask(t, p, "GetParameters", `{"Names":["/a"]}`)
	three, _ := ask(t, p, "GetParametersByPath", `{"Path":"/"}`)
	if one.Parameter.Value == "" || strings.Contains(w.Body.String(), "xyzzy") || !strings.HasPrefix(one.Parameter.Value, "AQIC") {
		t.Errorf("%s", w.Body)
	}
	if two.Parameters[0].Value != one.Parameter.Value || three.Parameters[0].Value != one.Parameter.Value {
		t.Errorf("the same value differs: %+v %+v %+v", one, two, three)
	}
}

func TestParameters_RefuseInTheStoresOwnWords(t *testing.T) {
	p := store(map[string]string{"/a/b": "x"})
	for _, c := range []struct{ operation, body, kind, says string }{
		{"GetParameter", `{"Name":"/other"}`, "ParameterNotFound", "x-sdev.aws.parameters"},
		{"GetParameter", `{"Name":"/a/../a/b"}`, "ParameterNotFound", "/a/../a/b"},
		{"GetParameter", `{"Name":"/a/b:2"}`, "ParameterVersionNotFound", "version 2"},
		{"GetParameter", `{"Name":"/a/b:prod"}`, "ParameterVersionNotFound", "prod"},
		{"GetParameter", `{}`, "ValidationException", "empty"},
		{"GetParameter", `{"Name":"a/b"}`, "ValidationException", `a/b`},
		{"GetParameter", `{"Name":"/a//b"}`, "ValidationException", "/a//b"},
		{"GetParameter", `{"Name":"/a\u0000"}`, "ValidationException", "letters"},
		{"GetParameter", `{"Name":"/` + strings.Repeat("a", 1100) + `"}`, "ValidationException", "letters"},
		{"GetParameter", `{"Name":`, "SerializationException", "GetParameter"},
		{"GetParameter", `{"Name":7}`, "SerializationException", "GetParameter"},
		{"GetParameter", `{"Name":"/a","x":"` + strings.Repeat("a", 70_000) + `"}`, "SerializationException", "too large"},
		{"GetParameters", `{"Names":[]}`, "ValidationException", "names"},
		{"GetParameters", `{"Names":["a/b"]}`, "ValidationException", "a/b"},
		{"GetParametersByPath", `{"Path":"a"}`, "ValidationException", "forward slash"},
		{"GetParametersByPath", `{"Path":"/","MaxResults":11}`, "ValidationException", "between 1 and 10"},
		{"GetParametersByPath", `{"Path":"/","NextToken":"!"}`, "InvalidNextToken", "token"},
		{"GetParametersByPath", `{"Path":"/","ParameterFilters":[{"Key":"Type"}]}`, "InvalidFilterKey", "filters"},
		{"PutParameter", `{"Name":"/a","Value":"y"}`, "AccessDeniedException", "x-sdev.aws.parameters"},
		{"DeleteParameter", `{"Name":"/a/b"}`, "AccessDeniedException", "DeleteParameter"},
		{"StartSession", `{}`, "UnknownOperationException", "GetParametersByPath"},
	} {
		a, w := ask(t, p, c.operation, c.body)
		if a.Type != c.kind || !strings.Contains(a.Message, c.says) || w.Code != http.StatusBadRequest {
			t.Errorf("%s %.60s: %d %+v, want %s with %q", c.operation, c.body, w.Code, a, c.kind, c.says)
		}
	}
}

func TestParameters_AnUnsignedRequestIsRefused(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		r := httptest.NewRequest(method, "/", strings.NewReader(`{"Name":"/a"}`))
		r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
		w := httptest.NewRecorder()
		store(map[string]string{"/a": "x"}).ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), `"x"`) {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
}

func TestParameters_SomeOfManyAndTheRestByName(t *testing.T) {
	a, _ := ask(t, store(map[string]string{"/a": "1", "/b": "2"}), "GetParameters", `{"Names":["/b","/no","/a","/b:7"],"WithDecryption":true}`)
	if len(a.Parameters) != 2 || a.Parameters[0].Value != "2" || a.Parameters[1].Value != "1" || !slices.Equal(a.InvalidParameters, []string{"/no", "/b:7"}) {
		t.Errorf("%+v", a)
	}
	if a, _ := ask(t, store(nil), "GetParameters", `{"Names":["/b"]}`); a.Parameters == nil || len(a.InvalidParameters) != 1 {
		t.Errorf("lists must never be absent: %+v", a)
	}
}

func TestParameters_ByPathPageByPage(t *testing.T) {
	values := map[string]string{"/app/db/host": "h", "/app/db/user": "u", "/apple": "no", "plain": "no"}
	for i := range 12 {
		values[fmt.Sprintf("/app/n%02d", i)] = "v"
	}
	p := store(values)
	names := func(body string) (all []string) {
		token := ""
		for range 20 {
			a, _ := ask(t, p, "GetParametersByPath", fmt.Sprintf(`{%s,"NextToken":%q}`, body, token))
			for _, v := range a.Parameters {
				all = append(all, v.Name)
			}
			if token = a.NextToken; token == "" {
				return all
			}
		}
		t.Fatalf("no end: %v", all)
		return nil
	}
	if got := names(`"Path":"/app","MaxResults":5`); len(got) != 12 || !slices.IsSorted(got) || slices.Contains(got, "/app/db/host") {
		t.Errorf("children only: %v", got)
	}
	if got := names(`"Path":"/app/","Recursive":true`); len(got) != 14 || slices.Contains(got, "/apple") {
		t.Errorf("recursive: %v", got)
	}
	if got := names(`"Path":"/nothing"`); len(got) != 0 {
		t.Errorf("%v", got)
	}
	a, w := ask(t, p, "DescribeParameters", `{}`)
	if len(a.Parameters) != len(values) || a.Parameters[0].Tier != "Standard" || strings.Contains(w.Body.String(), `"Value"`) {
		t.Errorf("%s", w.Body)
	}
}

func TestParameters_TheZeroValueHoldsNothing(t *testing.T) {
	var p awslocal.Parameters
	if a, _ := ask(t, &p, "GetParameter", `{"Name":"/a"}`); a.Type != "ParameterNotFound" {
		t.Errorf("%+v", a)
	}
}

// FuzzParameters: whatever comes, the answer is JSON, and a status of the protocol.
func FuzzParameters(f *testing.F) {
	f.Add("GetParameter", `{"Name":"/a:1","WithDecryption":true}`)
	f.Add("GetParametersByPath", `{"Path":"/","NextToken":"L2E="}`)
	f.Fuzz(func(t *testing.T, operation, body string) {
		if strings.ContainsFunc(operation, func(r rune) bool { return r < ' ' || r > '~' }) {
			return
		}
		ask(t, store(map[string]string{"/a": "x", "b": "plain:y"}), operation, body)
	})
}
