// What a reader throws when it cannot answer: the parts of an RFC 9457 problem document.

export const SERVER_GONE = 0;
export const REFUSED = 422; // what was asked for cannot be: a text, a label, a step

export class ReaderError extends Error {
  // status: of HTTP; SERVER_GONE when nobody answered. retryAfter: seconds, or null.
  constructor({ title, detail = "", status = SERVER_GONE, retryAfter = null }) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = "ReaderError";
    this.title = title;
    this.detail = detail;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}
