package jose_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/portaria/portaria/internal/jose"
)

// payload7515 is that of the examples of RFC 7515, appendix A, and of RFC 7519.
const payload7515 = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"

const (
	key7515A1 = `{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`
	key7515A2 = `{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`
	key7515A3 = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	key7515A4 = `{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`
	key7516A1 = `{"kty":"RSA","use":"enc","n":"oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-_bq6Gw","e":"AQAB","d":"kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHXyvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uGR1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-KTVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3DzgrTjgyQ","p":"1r52Xk46c-LsfB5P442p7atdPUrxQSy4mti_tZI3Mgf2EuFVbUoDBvaRQ-SWxkbkmoEzL7JXroSBjSrK3YIQgYdMgyAEPTPjXv_hI2_1eTSPVZfzL0lffNn03IXqWF5MDFuoUYE0hzb2vhrlN_rKrbfDIwUbTrjjgieRbwC6Cl0","q":"wLb35x7hmQWZsWJmB_vle87ihgZ19S8lBEROLIsZG4ayZVe9Hi9gDVCOBmUDdaDYVTSNx_8Fyw1YYa9XGrGnDew00J28cRUoeBB_jKI1oma0Orv1T9aXIWxKwd4gvxFImOWr3QRL9KEBRzk2RatUBnmDZJTIAfwTs0g68UZHvtc"}`
	key7516A3 = `{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"}`
)

const (
	jws7515A1 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	jws7515A2 = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	jws7515A3 = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	jws7515A4 = "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
	jws7515A5 = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
	jwe7516A1 = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ"
	jwe7516A2 = "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.UGhIOguC7IuEvf_NPVaXsGMoLOmwvc1GyqlIKOK1nN94nHPoltGRhWhw7Zx0-kFm1NJn8LE9XShH59_i8J0PH5ZZyNfGy2xGdULU7sHNF6Gp2vPLgNZ__deLKxGHZ7PcHALUzoOegEI-8E66jX2E4zyJKx-YxzZIItRzC5hlRirb6Y5Cl_p-ko3YvkkysZIFNPccxRU7qve1WYPxqbb2Yw8kZqa2rMWI5ng8OtvzlV7elprCbuPhcCdZ6XDP0_F8rkXds2vE4X-ncOIM8hAYHHi29NX0mcKiRaD0-D-ljQTP-cFPgwCp6X-nZZd9OHBv-B3oWh2TbqmScqXMR4gp_A.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.9hH0vgRfYgPnAHOd8stkvw"
	jwe7516A3 = "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ"
	jwe7516A5 = `{"protected":"eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0","unprotected":{JKU},"header":{"alg":"A128KW","kid":"7"},"encrypted_key":"6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ","iv":"AxY8DCtDaGlsbGljb3RoZQ","ciphertext":"KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY","tag":"Mz-VPPyU4RlcuYv1IwIvzw"}`
)

// TestExamplesOfTheRFCs are by value. Those of RFC 7638 and the keys of RFC
// 8037 are in TestThumbprints.
func TestExamplesOfTheRFCs(t *testing.T) {
	for _, test := range []struct {
		name, key, token, want string
		err                    error
	}{
		{"7515 A.1, 7519 3.1", key7515A1, jws7515A1, payload7515, nil},
		{"7515 A.2", key7515A2, jws7515A2, payload7515, nil},
		{"7515 A.3", key7515A3, jws7515A3, payload7515, nil},
		{"7515 A.4", key7515A4, jws7515A4, "Payload", nil},
		{"7515 A.5, 7519 6.1: unsecured", key7515A1, jws7515A5, "", jose.ErrAlgorithm},
		{"7516 A.1", key7516A1, jwe7516A1, "The true sign of intelligence is not knowledge but imagination.", nil},
		{"7516 A.2: RSA1_5", key7516A1, jwe7516A2, "", jose.ErrAlgorithm},
		{"7516 A.3", key7516A3, jwe7516A3, "Live long and prosper.", nil},
	} {
		open := verifyRaw
		if strings.Count(test.token, ".") == 4 {
			open = decryptRaw
		}
		got, err := open([]byte(test.key), test.token)
		if !errors.Is(err, test.err) || string(got) != test.want {
			t.Errorf("%s: %q, %v; want %q, %v", test.name, got, err, test.want, test.err)
		}
	}
}

// TestJSONSerializationOfRFC7516 is appendix A.5. It names a URL for keys, for
// which it is refused; that header is not protected, so that the rest holds
// without it.
func TestJSONSerializationOfRFC7516(t *testing.T) {
	set, err := jose.ParseKeySet([]byte(key7516A3))
	if err != nil {
		t.Fatal(err)
	}
	asIs := strings.Replace(jwe7516A5, "JKU", `"jku":"https://server.example.com/keys.jwks"`, 1)
	if _, err := jose.DecryptJSON([]byte(asIs), set); !errors.Is(err, jose.ErrHeader) {
		t.Errorf("with jku: %v, want ErrHeader", err)
	}
	got, err := jose.DecryptJSON([]byte(strings.Replace(jwe7516A5, "JKU", "", 1)), set)
	if err != nil || string(got) != "Live long and prosper." {
		t.Errorf("without jku: %q, %v", got, err)
	}
}

// TestKeyAgreementOfRFC7518 is appendix C: the library must derive the key that
// the RFC derives, with which the content is encrypted here.
func TestKeyAgreementOfRFC7518(t *testing.T) {
	const bob = `{"kty":"EC","crv":"P-256","alg":"ECDH-ES","x":"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ","y":"e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck","d":"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"}`
	header := jose.Encode([]byte(`{"alg":"ECDH-ES","enc":"A128GCM","apu":"QWxpY2U","apv":"Qm9i","epk":{"kty":"EC","crv":"P-256",` +
		`"x":"gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0","y":"SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}}`))
	block, err := aes.NewCipher(must(jose.Decode("VqqN6vgjbSBcIijNcacQGg")))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, 12)
	sealed := aead.Seal(nil, iv, []byte("hello Bob"), []byte(header))
	cut := len(sealed) - 16
	compact := header + ".." + jose.Encode(iv) + "." + jose.Encode(sealed[:cut]) + "." + jose.Encode(sealed[cut:])
	if got, err := decryptRaw([]byte(bob), compact); err != nil || string(got) != "hello Bob" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestKeySetOfRFC7517 is appendix A.1: a key for encryption without "alg" and
// one for signatures.
func TestKeySetOfRFC7517(t *testing.T) {
	set, err := jose.ParseKeySet([]byte(`{"keys":[
		{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
		{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var algorithms []string
	for _, k := range set.Keys() {
		algorithms = append(algorithms, k.Kid()+" "+string(k.Algorithm()))
	}
	want := "1 ECDH-ES+A256KW,1 ECDH-ES+A192KW,1 ECDH-ES+A128KW,1 ECDH-ES,2011-04-29 RS256"
	if got := strings.Join(algorithms, ","); got != want {
		t.Errorf("keys %s, want %s", got, want)
	}
}

// notAllowed lists what the cookbook has and we refuse, by a part of its name.
var notAllowed = map[string]string{
	"ecdh-es-":            "X25519 is not among the curves",
	"rsa_v15_and":         rsa15,
	"pbes2":               "PBES2 is not allowed: whoever sends the token says how much work it is",
	"detached_content":    "a detached payload is no token",
	"b64_false":           "b64: false is refused (RFC 7797)",
	"hmac-sha2_b64_false": "b64: false is refused (RFC 7797)",
}

// TestCookbook runs the examples of RFC 7520, 7797 and 8037, in every
// serialization that they are given in.
func TestCookbook(t *testing.T) {
	data, err := os.ReadFile("testdata/rfc.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	accepted, refused := 0, 0
	for line := range bytes.Lines(data) {
		var c struct {
			ID, Op, Expect string
			JSON           bool
			Key, Input     json.RawMessage
			Out            string `json:"out_b64u"`
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		got, err := openCase(c.Op, c.JSON, c.Key, text(c.Input))
		want := c.Expect == "accept"
		for part := range notAllowed {
			want = want && !strings.Contains(c.ID, part)
		}
		if (err == nil) != want {
			t.Errorf("%s: %v, want accepted = %v", c.ID, err, want)
		}
		if err != nil {
			refused++
			continue
		}
		accepted++
		if c.Out != "" && jose.Encode(got) != c.Out {
			t.Errorf("%s: %q, want %q", c.ID, got, c.Out)
		}
	}
	if accepted != 48 || refused != 42 {
		t.Errorf("%d accepted and %d refused, want 48 and 42", accepted, refused)
	}
}

func openCase(op string, isJSON bool, key []byte, input string) ([]byte, error) {
	set, err := jose.ParseKeySet(key)
	switch {
	case err != nil:
		return nil, err
	case isJSON && op == "verify":
		return jose.VerifyJSON([]byte(input), set)
	case isJSON:
		return jose.DecryptJSON([]byte(input), set)
	case op == "verify":
		return verifyRaw(key, input)
	}
	return decryptRaw(key, input)
}
