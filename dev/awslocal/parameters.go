package awslocal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"sdev/dev"
)

// Parameters is a stand-in for the parameter store of AWS Systems Manager: it supports reading and refuses
// changes. AWS SDKs use it when AWS_ENDPOINT_URL_SSM is set. It does not verify signatures, but requires them,
// because AWS does too. The zero value is ready to use, and empty.
//
// A SecureString that is read without decryption is returned as opaque text, so that the mistake shows here and
// not after the deployment.
//
// Source of the format: AWS Systems Manager API Reference, "GetParameter", "GetParameters",
// "GetParametersByPath", "DescribeParameters" and "Common Errors"; the JSON 1.1 protocol of Smithy.
type Parameters struct {
	mu     sync.Mutex
	values map[string]dev.Parameter
	since  time.Time // when they were set
	key    []byte    // replaces a KMS key; created on first use
}

// requestLimit is the maximal size of a request. The largest valid one has ten names of two thousand letters.
const requestLimit = 64 << 10

// Set replaces all parameters.
func (p *Parameters) Set(values map[string]dev.Parameter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values, p.since = values, time.Now()
	if p.key == nil {
		p.key = make([]byte, sha256.Size)
		_, _ = rand.Read(p.key) // never fails
	}
}

// operations are the supported operations, by the name in the header X-Amz-Target.
func (p *Parameters) operations() map[string]func(call) (any, *storeError) {
	return map[string]func(call) (any, *storeError){
		"GetParameter":        p.getParameter,
		"GetParameters":       p.getParameters,
		"GetParametersByPath": p.getParametersByPath,
		"DescribeParameters":  p.describeParameters,
	}
}

// writeOperations are the operations of the real store that change something.
func writeOperations() []string {
	return []string{"PutParameter", "DeleteParameter", "DeleteParameters", "LabelParameterVersion", "UnlabelParameterVersion"}
}

// call is a request, with the members of all operations.
type call struct {
	Name             string
	Names            []string
	Path             string
	Recursive        bool
	WithDecryption   bool
	MaxResults       *int
	NextToken        string
	ParameterFilters []json.RawMessage
	Filters          []json.RawMessage

	region string
}

// storeError is an error in the store's format.
type storeError struct{ kind, message string }

// ServeHTTP answers the store's requests: POST / with the operation in X-Amz-Target.
func (p *Parameters) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, refusal := p.serve(w, r)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("x-amzn-RequestId", requestID())
	if refusal != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": refusal.kind, "message": refusal.message}
	}
	_ = json.NewEncoder(w).Encode(out) // a client that is gone needs no answer
}

func (p *Parameters) serve(w http.ResponseWriter, r *http.Request) (any, *storeError) {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "AmazonSSM.")
	operation, known := p.operations()[name]
	auth := r.Header.Get("Authorization")
	switch {
	case slices.Contains(writeOperations(), name):
		return nil, &storeError{"AccessDeniedException", name + " is refused: sdev's parameter store is read-only; change x-sdev.aws.parameters in the compose file"}
	case r.Method != http.MethodPost || !known:
		return nil, &storeError{"UnknownOperationException", fmt.Sprintf("sdev's parameter store does not support %q, only GetParameter, GetParameters, GetParametersByPath and DescribeParameters", name)}
	case !strings.HasPrefix(auth, "AWS4-"):
		return nil, &storeError{"MissingAuthenticationTokenException", "the request is not signed"}
	}
	c := call{region: region(auth)}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, requestLimit)).Decode(&c); err != nil {
		return nil, &storeError{"SerializationException", "the request is not valid JSON for " + name + ": " + err.Error()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return operation(c)
}

// region is the region in a signature: Credential=KEY/DATE/REGION/SERVICE/aws4_request.
func region(authorization string) string {
	_, scope, _ := strings.Cut(authorization, "Credential=")
	if parts := strings.Split(scope, "/"); len(parts) >= 5 && parts[len(parts)-3] != "" {
		return parts[len(parts)-3]
	}
	return "us-east-1"
}

func requestID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	s := hex.EncodeToString(b)
	return strings.Join([]string{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, "-")
}

// parameter is a parameter in an answer.
type parameter struct {
	Name             string
	Type             string
	Value            string `json:",omitempty"`
	Version          int
	Selector         string  `json:",omitempty"`
	LastModifiedDate float64 // seconds since 1970
	ARN              string
	DataType         string
	Tier             string `json:",omitempty"` // only in the answer of DescribeParameters
}

func (p *Parameters) getParameter(c call) (any, *storeError) {
	found, refusal := p.find(c.Name, c)
	if refusal != nil {
		return nil, refusal
	}
	return map[string]parameter{"Parameter": found}, nil
}

func (p *Parameters) getParameters(c call) (any, *storeError) {
	const most = 10
	if len(c.Names) < 1 || len(c.Names) > most {
		return nil, invalid("names", fmt.Sprintf("%d names", len(c.Names)), "Member must have length less than or equal to 10 and greater than or equal to 1")
	}
	out := struct {
		Parameters        []parameter
		InvalidParameters []string
	}{[]parameter{}, []string{}}
	for _, name := range c.Names {
		found, refusal := p.find(name, c)
		switch {
		case refusal == nil:
			out.Parameters = append(out.Parameters, found)
		case refusal.kind == kindValidation:
			return nil, refusal
		default:
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

func (p *Parameters) getParametersByPath(c call) (any, *storeError) {
	if !strings.HasPrefix(c.Path, "/") {
		return nil, &storeError{kindValidation, fmt.Sprintf("The parameter doesn't meet the parameter name requirements. The parameter path must begin with a forward slash \"/\": %q", c.Path)}
	}
	prefix := strings.TrimSuffix(c.Path, "/") + "/"
	below := func(name string) bool {
		rest, ok := strings.CutPrefix(name, prefix)
		return ok && (c.Recursive || !strings.Contains(rest, "/"))
	}
	const most = 10
	page, next, refusal := p.page(c, most, below)
	if refusal != nil {
		return nil, refusal
	}
	out := struct {
		Parameters []parameter
		NextToken  string `json:",omitempty"`
	}{[]parameter{}, next}
	for _, name := range page {
		out.Parameters = append(out.Parameters, p.read(name, c))
	}
	return out, nil
}

func (p *Parameters) describeParameters(c call) (any, *storeError) {
	const most = 50
	page, next, refusal := p.page(c, most, func(string) bool { return true })
	if refusal != nil {
		return nil, refusal
	}
	out := struct {
		Parameters []parameter
		NextToken  string `json:",omitempty"`
	}{[]parameter{}, next}
	for _, name := range page {
		described := p.read(name, c)
		described.Value, described.Tier = "", "Standard"
		out.Parameters = append(out.Parameters, described)
	}
	return out, nil
}

// page returns the matching names after those of the previous page, in order. next is the token of the next page; "" if
// this is the last one.
func (p *Parameters) page(c call, most int, fits func(string) bool) (page []string, next string, refusal *storeError) {
	if len(c.ParameterFilters)+len(c.Filters) > 0 {
		return nil, "", &storeError{"InvalidFilterKey", "sdev's parameter store does not support filters: query by path, or filter the result"}
	}
	size := most
	if c.MaxResults != nil {
		size = *c.MaxResults
	}
	if size < 1 || size > most {
		return nil, "", invalid("maxResults", fmt.Sprint(size), fmt.Sprintf("Member must have value between 1 and %d", most))
	}
	after := ""
	if c.NextToken != "" {
		b, err := base64.StdEncoding.DecodeString(c.NextToken)
		if err != nil {
			return nil, "", &storeError{"InvalidNextToken", "The specified token is not valid."}
		}
		after = string(b)
	}
	for name := range p.values {
		if fits(name) && name > after {
			page = append(page, name)
		}
	}
	slices.Sort(page)
	if len(page) > size {
		page = page[:size]
		next = base64.StdEncoding.EncodeToString([]byte(page[size-1]))
	}
	return page, next, nil
}

const kindValidation = "ValidationException"

func invalid(member, value, constraint string) *storeError {
	return &storeError{kindValidation, fmt.Sprintf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)}
}

// find returns the parameter with a name, which may be a plain name, a name followed by ":version" or ":label", or an
// ARN.
func (p *Parameters) find(requested string, c call) (parameter, *storeError) {
	name, selector := requested, ""
	if arn := strings.SplitN(requested, ":", 6); len(arn) == 6 && arn[0] == "arn" {
		_, name, _ = strings.Cut(arn[5], "parameter")
	}
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name, selector = name[:i], name[i:]
	}
	if !isName(name) {
		return parameter{}, &storeError{kindValidation, fmt.Sprintf("Parameter name: can't be prefixed with \"ssm\" (case-insensitive) nor be empty. "+
			"It consists of letters, digits and .-_ in parts separated by /, and begins with /: %q", requested)}
	}
	if _, there := p.values[name]; !there && name != requested {
		name = strings.TrimPrefix(name, "/") // in an ARN, /name and name look the same
	}
	if _, there := p.values[name]; !there {
		return parameter{}, &storeError{"ParameterNotFound", fmt.Sprintf("Parameter %s not found. sdev's parameter store replaces the real one: add the parameter to x-sdev.aws.parameters in the compose file", name)}
	}
	if selector != "" && selector != ":1" {
		return parameter{}, &storeError{"ParameterVersionNotFound", fmt.Sprintf("Systems Manager could not find version %s of %s. Verify the version and try again.", selector[1:], name)}
	}
	found := p.read(name, c)
	found.Selector = selector
	return found, nil
}

// isName reports whether a parameter may have that name. Dots have no special meaning: "/a/../b" is a name and not a
// path.
func isName(name string) bool {
	const longest = 1011
	if name == "" || len(name) > longest || strings.Contains(name, "//") || strings.HasSuffix(name, "/") || strings.Contains(name, "/") && name[0] != '/' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune("/._-", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func (p *Parameters) read(name string, c call) parameter {
	v := p.values[name]
	out := parameter{Name: name, Type: "String", Value: v.Value, Version: 1, LastModifiedDate: float64(p.since.UnixMilli()) / 1000, DataType: "text",
		ARN: "arn:aws:ssm:" + c.region + ":000000000000:parameter/" + strings.TrimPrefix(name, "/")}
	if v.Secure {
		out.Type = "SecureString"
		if !c.WithDecryption {
			out.Value = p.encrypted(name, v.Value)
		}
	}
	return out
}

// encrypted looks like a value that KMS has encrypted, and reveals nothing about it.
func (p *Parameters) encrypted(name, value string) string {
	sum := hmac.New(sha256.New, p.key)
	_, _ = sum.Write([]byte(name + "\x00" + value)) // never fails
	// Every ciphertext of a symmetric KMS key begins with these bytes.
	return base64.StdEncoding.EncodeToString(append([]byte{1, 2, 2, 0, 0x78}, sum.Sum(nil)...))
}
