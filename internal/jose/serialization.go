package jose

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/portaria/portaria/internal/strictjson"
)

// VerifyJSON verifies a JWS in the general or flattened JSON serialization (RFC 7515,
// section 7.2) and returns its payload. Only command-line tools use this form, never a
// service that accepts tokens.
//
// Each signature whose key is in the set must verify, and there must be at least one. All
// headers are checked like those of a compact token. At most MaxToken bytes. Errors wrap
// ErrMalformed, ErrJSON, ErrHeader, ErrAlgorithm, ErrKey or ErrSignature.
func VerifyJSON(data []byte, keys KeySet) ([]byte, error) {
	whole, parts, err := openJSON(data, "signatures")
	if err != nil {
		return nil, err
	}
	r := jwkReader{object: whole}
	payload := r.text("payload")
	if r.err != nil {
		return nil, r.err
	}
	verified := 0
	refusal := fmt.Errorf("%w: no signature", ErrMalformed)
	for _, part := range parts {
		message, err := readSignature(part, payload)
		if err != nil {
			refusal = err
			continue
		}
		key, err := keys.Find(message.Header)
		if err != nil {
			refusal = err
			continue
		}
		if _, err := message.Verify(key); err != nil {
			return nil, err
		}
		verified++
	}
	if verified == 0 {
		return nil, refusal
	}
	return Decode(payload)
}

// readSignature reads one signature of the JSON serialization.
func readSignature(part strictjson.Object, payload string) (Message, error) {
	r := jwkReader{object: part}
	protected, signature := r.text("protected"), r.text("signature")
	if r.err != nil {
		return Message{}, r.err
	}
	unprotected, _ := part.Get("header")
	merged, err := mergeHeaders(protected, unprotected)
	if err != nil {
		return Message{}, err
	}
	header, err := parseHeader(merged)
	return Message{Header: header, parts: Compact{
		Header: protected, Payload: payload, Signature: signature, Input: protected + "." + payload,
	}}, err
}

// DecryptJSON decrypts a JWE in the general or flattened JSON serialization (RFC 7516,
// section 7.2) and returns its plaintext. It uses the first recipient whose key is in the
// set. Otherwise it works like [VerifyJSON]. Errors wrap ErrMalformed, ErrJSON, ErrHeader,
// ErrAlgorithm, ErrKey or ErrDecrypt.
func DecryptJSON(data []byte, keys KeySet) ([]byte, error) {
	whole, parts, err := openJSON(data, "recipients")
	if err != nil {
		return nil, err
	}
	refusal := fmt.Errorf("%w: no recipient", ErrMalformed)
	for _, part := range parts {
		encrypted, err := readRecipient(whole, part)
		if err != nil {
			refusal = err
			continue
		}
		key, err := keys.FindEncrypted(encrypted.Header)
		if err != nil {
			refusal = err
			continue
		}
		return encrypted.Decrypt(key)
	}
	return nil, refusal
}

// readRecipient makes a flattened JWE for one recipient, only from parts that were checked.
func readRecipient(whole, part strictjson.Object) (Encrypted, error) {
	r := jwkReader{object: whole}
	iv, tag, protected := r.bytes("iv"), r.bytes("tag"), r.text("protected")
	r.bytes("ciphertext")
	r.bytes("aad")
	key := jwkReader{object: part}
	wrapped := key.bytes("encrypted_key")
	if err := cmp.Or(r.err, key.err); err != nil {
		return Encrypted{}, err
	}
	shared, _ := whole.Get("unprotected")
	own, _ := part.Get("header")
	merged, err := mergeHeaders(protected, shared, own)
	if err != nil {
		return Encrypted{}, err
	}
	header, err := parseEncryptedHeader(merged)
	if err != nil {
		return Encrypted{}, err
	}
	if err := header.checkLengths(wrapped, iv, tag); err != nil {
		return Encrypted{}, err
	}
	flattened := map[string]json.RawMessage{}
	copyMembers(flattened, whole, "protected", "unprotected", "iv", "ciphertext", "tag", "aad")
	copyMembers(flattened, part, "header", "encrypted_key")
	text, err := json.Marshal(flattened)
	return Encrypted{Header: header, text: string(text), json: true}, err
}

func copyMembers(into map[string]json.RawMessage, from strictjson.Object, names ...string) {
	for _, name := range names {
		if value, ok := from.Get(name); ok {
			into[name] = json.RawMessage(value)
		}
	}
}

// openJSON reads the outer object and its parts: the elements of the named array, or in the
// flattened form the object itself.
func openJSON(data []byte, name string) (whole strictjson.Object, parts []strictjson.Object, err error) {
	if len(data) > MaxToken {
		return nil, nil, fmt.Errorf("%w: longer than %d bytes", ErrMalformed, MaxToken)
	}
	if whole, err = strictjson.Parse(data); err != nil {
		return nil, nil, err
	}
	list, general := whole.Get(name)
	if !general {
		return whole, []strictjson.Object{whole}, nil
	}
	for _, m := range whole {
		// Readers would differ in which of the two forms they use.
		if slices.Contains([]string{"header", "signature", "encrypted_key"}, m.Name) || name == "signatures" && m.Name == "protected" {
			return nil, nil, fmt.Errorf("%w: it is general and flattened at once", ErrMalformed)
		}
	}
	elements, err := list.Elements()
	if err != nil {
		return nil, nil, err
	}
	for _, element := range elements {
		part, err := strictjson.Parse(element)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, part)
	}
	return whole, parts, nil
}

// mergeHeaders merges the protected header with the others, which may be nil. No name may
// occur twice (RFC 7515, section 7.2.1).
func mergeHeaders(protected string, others ...strictjson.Value) (strictjson.Object, error) {
	if protected != "" {
		text, err := Decode(protected)
		if err != nil {
			return nil, err
		}
		others = append(others, text)
	}
	var merged strictjson.Object
	for _, text := range others {
		if text == nil {
			continue
		}
		object, err := strictjson.Parse(text)
		if err != nil {
			return nil, err
		}
		for _, m := range object {
			if _, twice := merged.Get(m.Name); twice {
				return nil, fmt.Errorf("%w: one name is in two headers", ErrHeader)
			}
			merged = append(merged, m)
		}
	}
	return merged, nil
}
