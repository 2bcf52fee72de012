import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { Sealer } from "@homing/signature/sealing";
import type { SendRequest } from "../context.js";
import type { Fault } from "../errors.js";
import { openSetting, sealSetting } from "./sealed-setting.js";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const CERTIFICATES_MAX = 20;
const RSA_BITS = { min: 2_048, max: 4_096 };
const CURVES = new Set(["prime256v1", "secp384r1"]);

/** Authorities to trust in place of the public ones, and a certificate that proves to the receiver who asks. */
export interface WebhookTls {
  caPem?: string;
  /** With those between it and its authority behind it. */
  clientCertificatePem?: string;
  clientKeyPem?: string;
}

/** What may be shown of a certificate. */
export interface CertificateFacts {
  subject: string;
  issuer: string;
  expiresAt: Date;
  /** SHA-256, in hex and colons. */
  fingerprint: string;
}

export function sealTls(sealer: Sealer, webhookId: string, tls: WebhookTls | null): string | null {
  return sealSetting(sealer, { setting: "webhooks.tls_sealed", webhookId }, tls);
}

/** @throws SealError when the key is missing or the row was tampered with */
export function openTls(sealer: Sealer, webhookId: string, sealed: string | null): WebhookTls | null {
  return sealed === null
    ? null
    : JSON.parse(openSetting(sealer, { setting: "webhooks.tls_sealed", webhookId }, sealed));
}

/** As a request wants it. @param sealed names this very setting of this webhook: connections are shared by it */
export function toRequestTls(tls: WebhookTls, sealed: string): NonNullable<SendRequest["tls"]> {
  return {
    id: sealed,
    ...(tls.caPem !== undefined && { ca: tls.caPem }),
    ...(tls.clientCertificatePem !== undefined && { cert: tls.clientCertificatePem }),
    ...(tls.clientKeyPem !== undefined && { key: tls.clientKeyPem }),
  };
}

/** What is wrong with a setting, under `/tls`; its texts hold no part of it. */
export function tlsFaults(tls: WebhookTls, now: Date): Fault[] {
  const { caPem, clientCertificatePem: certificate, clientKeyPem: key } = tls;
  const faults = [
    ...certificateFaults("/tls/ca_pem", caPem, now),
    ...certificateFaults("/tls/client_certificate_pem", certificate, now),
  ];
  if (certificate === undefined && key !== undefined) {
    faults.push({ pointer: "/tls/client_certificate_pem", detail: "is required with client_key_pem" });
  }
  if (certificate !== undefined && key === undefined) {
    faults.push({ pointer: "/tls/client_key_pem", detail: "is required with client_certificate_pem" });
  }
  if (faults.length === 0 && certificate !== undefined && key !== undefined)
    faults.push(...keyFaults(certificate, key));
  return faults.length === 0 && !isUsable(tls) ? [{ pointer: "/tls", detail: "cannot be used by TLS" }] : faults;
}

/** The certificates of a PEM text that `tlsFaults` found nothing wrong with. */
export function readCertificates(pem: string): CertificateFacts[] {
  return parseCertificates(pem).map((certificate) => ({
    subject: certificate.subject.replaceAll("\n", ", "),
    issuer: certificate.issuer.replaceAll("\n", ", "),
    expiresAt: new Date(certificate.validTo),
    fingerprint: certificate.fingerprint256,
  }));
}

function parseCertificates(pem: string): X509Certificate[] {
  return (pem.match(CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
}

function certificateFaults(pointer: string, pem: string | undefined, now: Date): Fault[] {
  if (pem === undefined) return [];
  const certificates = attempt(() => parseCertificates(pem));
  const fault = (detail: string): Fault[] => [{ pointer, detail }];
  if (certificates === null || certificates.length === 0) return fault("must hold certificates in PEM");
  if (pem.replaceAll(CERTIFICATE, "").trim() !== "") return fault("must hold certificates in PEM and nothing else");
  if (certificates.length > CERTIFICATES_MAX) return fault(`must hold at most ${CERTIFICATES_MAX} certificates`);
  const expired = certificates.find(({ validTo }) => new Date(validTo) <= now);
  return expired === undefined ? [] : fault(`a certificate expired at ${new Date(expired.validTo).toISOString()}`);
}

function keyFaults(certificatePem: string, keyPem: string): Fault[] {
  const pointer = "/tls/client_key_pem";
  const key = attempt((): KeyObject => createPrivateKey(keyPem));
  if (key === null) return [{ pointer, detail: "must be a private key in PEM, without a passphrase" }];
  if (!isUsual(key)) return [{ pointer, detail: "must be RSA of 2048 to 4096 bits, P-256, P-384 or Ed25519" }];
  const [own] = parseCertificates(certificatePem);
  return own?.checkPrivateKey(key) ? [] : [{ pointer, detail: "is not the key of the first certificate" }];
}

/** Every handshake signs with it, on the thread that serves everybody. */
function isUsual({
  asymmetricKeyType,
  asymmetricKeyDetails: { modulusLength = 0, namedCurve = "" } = {},
}: KeyObject): boolean {
  if (asymmetricKeyType === "rsa") return modulusLength >= RSA_BITS.min && modulusLength <= RSA_BITS.max;
  return asymmetricKeyType === "ed25519" || (asymmetricKeyType === "ec" && CURVES.has(namedCurve));
}

/** OpenSSL may still find a key too short, or an algorithm too weak. */
function isUsable(tls: WebhookTls): boolean {
  const { id: _id, ...settings } = toRequestTls(tls, "");
  return attempt(() => createSecureContext(settings)) !== null;
}

function attempt<Value>(run: () => Value): Value | null {
  try {
    return run();
  } catch {
    return null;
  }
}
