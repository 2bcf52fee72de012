import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { elementSlices, memberSlices } from "../src/raw-json.js";

/** JSON text of any value with whitespace strewn between its tokens. */
const spacedJson = fc
  .tuple(fc.jsonValue({ maxDepth: 5 }), fc.array(fc.constantFrom("", " ", "\n", "\t\r", "  "), { minLength: 1 }))
  .map(([value, spaces]) => strew(JSON.stringify(value), spaces));

function strew(text: string, spaces: string[]): string {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^{}[\],:"\s]+/g) ?? [];
  return tokens.map((token, index) => `${spaces[index % spaces.length]}${token}`).join("");
}

describe("memberSlices", () => {
  test("gives each member's bytes as they came, without the whitespace around them", () => {
    const raw = Buffer.from(' {"a" : { "x" :1 } , "b":1.0e+2\n,"c":"}\\",\\\\","d":[ ],"é":null}\n');
    const slices = [...memberSlices(raw)].map(([name, slice]) => [name, slice.toString()]);
    expect(slices).toEqual([
      ["a", '{ "x" :1 }'],
      ["b", "1.0e+2"],
      ["c", '"}\\",\\\\"'],
      ["d", "[ ]"],
      ["é", "null"],
    ]);
  });

  test("decodes names, and the last of equal names counts", () => {
    const slices = memberSlices(Buffer.from(String.raw`{"a":1,"\u0061":2,"__proto__":3,"\"":4}`));
    expect([...slices].map(([name, slice]) => [name, slice.toString()])).toEqual([
      ["a", "2"],
      ["__proto__", "3"],
      ['"', "4"],
    ]);
  });

  test("agrees with JSON.parse on any object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), spacedJson), (members) => {
        const text = `{${Object.entries(members)
          .map(([name, json]) => `${JSON.stringify(name)}:${json}`)
          .join(" ,")} }`;
        const slices = memberSlices(Buffer.from(text));
        const parsed = new Map(Object.entries(JSON.parse(text)));
        expect(new Map([...slices].map(([name, slice]) => [name, JSON.parse(slice.toString())]))).toEqual(parsed);
        const bytes = new Map(Object.entries(members).map(([name, json]) => [name, json.trim()]));
        expect(new Map([...slices].map(([name, slice]) => [name, slice.toString()]))).toEqual(bytes);
      }),
      { numRuns: 300 },
    );
  });

  test("refuses a document with another top, and ends on documents that are cut off", () => {
    expect(() => memberSlices(Buffer.from("[]"))).toThrow(TypeError);
    for (const cut of ["{", '{"a', '{"a"', '{"a":', '{"a":{', '{"a":1', '{"a":1,']) {
      expect(() => memberSlices(Buffer.from(cut))).toThrow();
    }
  });
});

describe("elementSlices", () => {
  test("agrees with the elements that a text was made of", () => {
    fc.assert(
      fc.property(fc.array(spacedJson), (elements) => {
        const slices = elementSlices(Buffer.from(` [ ${elements.join(",")} ] `)).map((slice) => slice.toString());
        expect(slices).toEqual(elements.map((element) => element.trim()));
      }),
      { numRuns: 300 },
    );
  });

  test("slices share the document's memory", () => {
    const raw = Buffer.from("[1,2]");
    expect(elementSlices(raw)[1]?.buffer).toBe(raw.buffer);
  });
});
