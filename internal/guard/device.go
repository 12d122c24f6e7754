package guard

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

// Device is a browser or app that signed in to an account. The holder of its token
// may guess at that one account within [Policy].Device, also while strangers must
// wait. The token proves nothing else, and does not sign anybody in.
type Device struct {
	// ID is the same in all device tokens of a device.
	ID string
	// SignedInAt is the time of the sign-in that gave out the device token.
	SignedInAt time.Time
}

// Devices makes and checks device tokens. The zero value knows no device.
type Devices struct {
	// Keys returns the keys that count at a moment, the newest first. Device tokens are
	// made with the first.
	Keys func(now time.Time) [][]byte
	// Lifetime is how long a device token is good after its sign-in.
	Lifetime time.Duration
}

// ErrNoDeviceKey says that there is no key to make a device token with.
var ErrNoDeviceKey = errors.New("no key for the device tokens")

const (
	deviceVersion = 1
	deviceIDSize  = 16
	deviceMACSize = 16
	deviceSize    = 1 + deviceIDSize + 8 + deviceMACSize
)

// MaxDeviceToken bounds the length of a device token, in bytes.
const MaxDeviceToken = (deviceSize*8 + 5) / 6

// Token returns the token of a device after a sign-in to account. An empty id is
// that of a new device.
func (d Devices) Token(account, id string, now time.Time) (string, error) {
	keys := d.keys(now)
	if len(keys) == 0 {
		return "", ErrNoDeviceKey
	}
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(raw) != deviceIDSize {
		raw = make([]byte, deviceIDSize)
		_, _ = rand.Read(raw) // never fails
	}
	b := append(make([]byte, 0, deviceSize), deviceVersion)
	b = append(b, raw...)
	b = binary.BigEndian.AppendUint64(b, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, deviceMAC(keys[0], account, b)...)), nil
}

// Check returns the device that a device token is of, if it signed in to account, and
// not before since. Everything else is a stranger: ok is false.
func (d Devices) Check(token, account string, since, now time.Time) (device Device, ok bool) {
	if len(token) != MaxDeviceToken || account == "" {
		return Device{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != deviceSize || b[0] != deviceVersion {
		return Device{}, false
	}
	signed, mac := b[:deviceSize-deviceMACSize], b[deviceSize-deviceMACSize:]
	for _, key := range d.keys(now) {
		ok = ok || hmac.Equal(mac, deviceMAC(key, account, signed))
	}
	at := time.Unix(int64(binary.BigEndian.Uint64(signed[1+deviceIDSize:])), 0).UTC()
	if !ok || at.Before(since.Truncate(time.Second)) || now.Sub(at) > d.Lifetime {
		return Device{}, false
	}
	return Device{ID: base64.RawURLEncoding.EncodeToString(signed[1 : 1+deviceIDSize]), SignedInAt: at}, true
}

func (d Devices) keys(now time.Time) [][]byte {
	if d.Keys == nil {
		return nil
	}
	return d.Keys(now)
}

// deviceMAC binds a device token to the account.
func deviceMAC(key []byte, account string, signed []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("portaria device\x00" + account + "\x00"))
	mac.Write(signed)
	return mac.Sum(nil)[:deviceMACSize]
}
