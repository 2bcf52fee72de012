import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode } from "dns-packet";

const LOOPBACK = "127.0.0.1";
const NAME_ERROR = 3;

/** What a name resolves to, by family; null: there is no such name. */
export type DnsAnswer = { A?: string[]; AAAA?: string[] } | null;

export interface TestDns {
  /** `address:port`, as a list of DNS servers wants it. */
  server: string;
  /** Every question, oldest first. */
  questions: { name: string; type: string }[];
  close(): Promise<void>;
}

/**
 * A real DNS server on UDP and loopback for tests.
 * @param answer is asked for each question; `count` is which question of this name and type it is, from 1
 */
export async function startDns(answer: (name: string, count: number) => DnsAnswer): Promise<TestDns> {
  const questions: TestDns["questions"] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message, { address, port }) => {
    const { id, questions: asked = [] } = decode(message);
    const [question] = asked;
    if (question === undefined) return;
    const { type } = question;
    // Some resolvers vary the case of letters.
    const name = question.name.toLowerCase();
    questions.push({ name, type });
    const found = answer(name, questions.filter((other) => other.name === name && other.type === type).length);
    const addresses = (type === "A" || type === "AAAA" ? found?.[type] : undefined) ?? [];
    const answers = addresses.map((data): Answer => ({ type: type === "A" ? "A" : "AAAA", name, ttl: 0, data }));
    const flags = AUTHORITATIVE_ANSWER | (found === null ? NAME_ERROR : 0);
    socket.send(encode({ type: "response", id: id ?? 0, flags, questions: [question], answers }), port, address);
  });
  socket.bind(0, LOOPBACK);
  await once(socket, "listening");
  return {
    server: `${LOOPBACK}:${socket.address().port}`,
    questions,
    async close() {
      socket.close();
      await once(socket, "close");
    },
  };
}
