import { expect, test } from "@jest/globals";
import { waitFor } from "@homing/local/wait-for";
import { startReceiver } from "@homing/local/test-receiver";
import { BACKENDS, describeOn } from "./backends.js";
import { askBoard, jobsAskedFor } from "./board.js";
import { publishOne } from "./publish-one.js";
import { useInstallation } from "./use-installation.js";

describeOn(BACKENDS, "Bull Board", (backend) => {
  const installation = useInstallation({ backend });

  test.each(["/ops/queues", "/ops/queues/api/queues"])("at %s asks for the operator's credential", async (path) => {
    const { client, operator } = installation();
    const wrong = Buffer.from(`${operator.username}:wrong`).toString("base64");
    const refused = [
      await client.ask("GET", path),
      await client.as(null).ask("GET", path),
      await client.as(null).ask("GET", path, { headers: { authorization: `Basic ${wrong}` } }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(refused.map(({ headers }) => headers.get("www-authenticate"))).toEqual(
      Array(3).fill(expect.stringMatching(/^Basic /)),
    );
  });

  test("shows its page and the delivery queue to the operator", async () => {
    const page = await askBoard(installation(), "/");
    expect(page.status).toBe(200);
    expect(page.headers.get("content-type")).toContain("text/html");
    const { status, text } = await askBoard(installation(), "/api/queues");
    expect(status).toBe(200);
    expect(JSON.parse(text).queues.map(({ name }: { name: string }) => name)).toEqual(["deliveries"]);
  });

  test("lists the job of a delivery that a receiver refused as completed, not as failed", async () => {
    const receiver = await startReceiver(() => ({ status: 500 }));
    const { delivery } = await publishOne(installation().client, { url: receiver.url });
    await waitFor(async () => (await jobsAskedFor(installation(), "completed")).includes(`${delivery.id}-1-1`), {
      what: "the job on the board",
    });
    expect(await jobsAskedFor(installation(), "failed")).toEqual([]);
    await receiver.close();
  });
});
