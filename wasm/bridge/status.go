package bridge

import "parley/proto"

// reasonOfStatus is the MQTT reason code that says most nearly what an HTTP
// status says: one refusal, one meaning, whichever way it came.
func reasonOfStatus(status int) proto.Reason {
	switch {
	case status == 401 || status == 403:
		return proto.NotAuthorized
	case status == 413:
		return proto.PacketTooLarge
	case status == 429:
		return proto.QuotaExceeded
	case status == 503:
		return proto.ServerBusy
	case status >= 400 && status < 500:
		return proto.PayloadFormatInvalid
	}
	return proto.UnspecifiedError
}
