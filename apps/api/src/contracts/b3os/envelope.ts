import Joi from "joi";
import type { Answer } from "../../route.js";

/** What wraps every answer that is not an error. */
export function envelopeOf(data: Joi.Schema): Joi.ObjectSchema {
  return Joi.object({
    code: Joi.number().integer().valid(200).required(),
    data: data.required(),
    message: Joi.string().valid("success").required(),
    requestId: Joi.string().required().example("req_01JBAAAA000000000000000000"),
  });
}

/** 200 with data that is JSON text already, so that payloads stand in it as they were published. */
export function answerJson(requestId: string, dataJson: string): Answer {
  const { before, after } = envelopeEdges(requestId);
  return { status: 200, body: Buffer.from(`${before}${dataJson}${after}`) };
}

/** What stands around the data of an answer. */
export function envelopeEdges(requestId: string): { before: string; after: string } {
  const tail = JSON.stringify({ message: "success", requestId });
  return { before: '{"code":200,"data":', after: `,${tail.slice(1)}` };
}
