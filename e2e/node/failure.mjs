// What an app can see of an SDK's error.

/** failure is the error that an app would catch: class, and the fields it would look at. */
export function failure(err) {
  // Vercel wraps the last of several tries; replicate has the status in its response only.
  const inner = err.lastError ?? err;
  return {
    class: err.constructor.name,
    name: inner.name,
    reason: err.reason,
    status: inner.status ?? inner.statusCode ?? inner.response?.status,
    code: inner.code ?? undefined,
    type: inner.type ?? undefined,
    message: err.message,
    body: text(inner.body ?? inner.responseBody ?? inner.error),
    requestId: inner.requestID ?? inner.requestId,
    retryable: inner.isRetryable,
    stack: err.stack?.split("\n").slice(1, 4).join("\n"),
  };
}

const text = (v) => (v === undefined || typeof v === "string" ? v : JSON.stringify(v));
