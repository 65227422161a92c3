/** A key and a certificate for the fuzz target of TLS, in the source: what it
 * does must not differ from build to build. The key guards nothing. */
#ifndef FUZZ_TLS_STREAM_PEM_H
#define FUZZ_TLS_STREAM_PEM_H

static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBijCCAS+gAwIBAgIUVuMkyDjBUUFiZqaub326vRy+EK8wCgYIKoZIzj0EAwIw\n"
    "GTEXMBUGA1UEAwwObXguZXhhbXBsZS5jb20wIBcNMjYxMTIyMTk0ODE4WhgPOTk2\n"
    "NjEwMjgxOTQ4MThaMBkxFzAVBgNVBAMMDm14LmV4YW1wbGUuY29tMFkwEwYHKoZI\n"
    "zj0CAQYIKoZIzj0DAQcDQgAE9Xbk0ZsSEmOLh3Lun8h4tscKoD2KbCjeTWtqjuNJ\n"
    "TDOPCDJVsH7F3vjMlZRcPfof0Tvn4cZFL5gI+Kc2QZ25b6NTMFEwHQYDVR0OBBYE\n"
    "FGN9T4MYasHkxUo2foxI8cyZkp6cMB8GA1UdIwQYMBaAFGN9T4MYasHkxUo2foxI\n"
    "8cyZkp6cMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAK/Xzb5B\n"
    "JuiSicgnbSEgwhlA/gIaG5vtskEO5Tp+5gWhAiEA9mEhn5asYh1gvXdL8S5wZNWt\n"
    "hxQ/O/osc/+ujygtBPo=\n"
    "-----END CERTIFICATE-----\n";

static const char key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIEa0CJP9MHCdsB1a3MqN13FwN+S7VCnO/hBrtJBYnPSHoAoGCCqGSM49\n"
    "AwEHoUQDQgAE9Xbk0ZsSEmOLh3Lun8h4tscKoD2KbCjeTWtqjuNJTDOPCDJVsH7F\n"
    "3vjMlZRcPfof0Tvn4cZFL5gI+Kc2QZ25bw==\n"
    "-----END EC PRIVATE KEY-----\n";

#endif
