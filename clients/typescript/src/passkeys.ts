/** Create a passkey by the options of `beginPasskeyRegistration`; return its JSON. */
export async function createPasskey(options: unknown, signal?: AbortSignal): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(
    options as PublicKeyCredentialCreationOptionsJSON,
  );
  return toJSON(await navigator.credentials.create({ publicKey, ...(signal && { signal }) }));
}

/** Authenticate by the options of `beginPasskeyAuthentication`; return the response's JSON. */
export async function getPasskey(options: unknown, signal?: AbortSignal): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(
    options as PublicKeyCredentialRequestOptionsJSON,
  );
  return toJSON(await navigator.credentials.get({ publicKey, ...(signal && { signal }) }));
}

/** True if this browser has passkeys and the JSON of Web Authentication Level 3. */
export function supportsPasskeys(): boolean {
  return (
    "PublicKeyCredential" in globalThis &&
    "parseCreationOptionsFromJSON" in PublicKeyCredential &&
    "parseRequestOptionsFromJSON" in PublicKeyCredential
  );
}

function toJSON(credential: Credential | null): unknown {
  if (!(credential instanceof PublicKeyCredential)) {
    throw new DOMException("No passkey was chosen.", "NotAllowedError");
  }
  return credential.toJSON();
}
