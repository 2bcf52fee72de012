import request, { type Response, type Test } from "supertest";
import type { OpenApiDocument } from "../../src/openapi.js";
import type { Asked, Method } from "../native/native-api.js";
import { expectDocumented, isDescribed } from "../openapi-answers.js";

/** One request; `contentType` is that of its body: JSON unless told, null for none. */
export interface ContractAsked extends Asked {
  contentType?: string | null;
}

export type Ask = (method: Method, path: string, asked?: ContractAsked) => Promise<Response>;

/** Asks over HTTP; an answer that the OpenAPI document does not describe fails the test. */
export function createAsk(url: string, document: OpenApiDocument): Ask {
  return async (method, path, { json, text, query, headers = {}, contentType = "application/json" } = {}) => {
    const asking = start(url, method, path)
      .query(query ?? {})
      .set(headers);
    const body = text ?? (json === undefined ? undefined : JSON.stringify(json));
    if (body === undefined) {
      // An empty body of a declared type is asked for by the header.
    } else if (contentType === null) {
      // A text would be labelled as a form, bytes are not labelled at all.
      asking.send(Buffer.from(body));
    } else {
      asking.set("Content-Type", contentType).send(body);
    }
    const answer = await asking;
    expectAnswer(document, method, path, answer);
    return answer;
  };
}

/** No operation says that a path or a method does not exist. */
function expectAnswer(document: OpenApiDocument, method: Method, asked: string, answer: Response): void {
  const { status, body } = answer;
  const [path = asked] = asked.split("?");
  if ((status === 404 || status === 405) && !isDescribed(document, { method, path })) return;
  const contentType: string | undefined = answer.headers["content-type"];
  expectDocumented(document, {
    method,
    path,
    status,
    contentType,
    body: contentType === undefined ? undefined : body,
  });
}

function start(url: string, method: Method, path: string): Test {
  const asking = request(url);
  switch (method) {
    case "GET":
      return asking.get(path);
    case "POST":
      return asking.post(path);
    case "PUT":
      return asking.put(path);
    case "PATCH":
      return asking.patch(path);
    case "DELETE":
      return asking.delete(path);
  }
}
