// What nearly every reward plugin needs. Yours to change.
//
// Every call meets a fresh instance: what a module keeps in variables is gone with the call.

/**
 * @typedef {{tag: "text", val: string} | {tag: "image", val: number}} ContentPart a text, or an index into `images`
 * @typedef {{role: string, content: ContentPart[]}} Message
 * @typedef {{text: string, finishReason: "stop" | "length" | "cut", tokens: number}} Turn
 * @typedef {{width(): number, height(): number, rgb(): Uint8Array}} Image three bytes (red, green, blue) a pixel
 */

/**
 * One completion to be judged, with all that the data says about it.
 *
 * @typedef {object} Sample
 * @property {number} group which prompt this is a completion of
 * @property {Message[]} prompt
 * @property {Turn[]} response what the model said, turn by turn
 * @property {string} answer the reference answer, as JSON
 * @property {string} dataSource
 * @property {string} problemType
 * @property {string} answerType
 * @property {string} columns all further columns of the data: a JSON object
 * @property {string} params the parameters: a JSON object
 * @property {Image[]} images
 */

/**
 * A judgement.
 *
 * @typedef {object} Verdict
 * @property {number} total the whole score
 * @property {Record<string, number>} [parts] named parts, for records and curves
 * @property {{turn: number, endByte?: number, value: number}[]} [steps] rewards of places in the response
 */

/**
 * A parameter that the plugin understands.
 *
 * @typedef {object} Param
 * @property {string} name
 * @property {string} doc what it does, in a sentence
 * @property {unknown} default
 */

/** No judgement, and whose fault that is. */
export class Failure extends Error {
  constructor(tag, message) {
    super(message);
    this.tag = tag;
  }
}

/** No judgement: the data is at fault. */
export class InvalidReference extends Failure {
  constructor(message) {
    super("invalid-reference", message);
  }
}

/** No judgement, through nobody's fault. */
export class Abstain extends Failure {
  constructor(message) {
    super("abstain", message);
  }
}

/** No judgement: the plugin is at fault, or its parameters. */
export class Internal extends Failure {
  constructor(message) {
    super("internal", message);
  }
}

/**
 * What a reward plugin exports as `reward`. Name, version and description are those of plugin.toml.
 *
 * `score` judges one sample. An error that it throws and that is no `Failure` becomes the failure `internal`,
 * with the place where it was thrown.
 *
 * Where plugin.toml says `scope = "group"` (all completions of a prompt) or `"batch"` (all of a training step), `scoreAll`
 * takes its place: it returns an entry for each of the samples, in the same order. A `Failure` among them is that of its
 * sample; one that is thrown is that of all.
 *
 * @param {{parts?: string[], params?: Param[], score?: (sample: Sample) => Verdict | number,
 *   scoreAll?: (samples: Sample[]) => (Verdict | number | Failure)[]}} plugin
 */
export function rewardPlugin({ parts = [], params = [], score, scoreAll }) {
  const scope = globalThis.PLUGIN?.scope ?? "sample";
  const [name, judge] = scope === "sample" ? ["score", score] : ["scoreAll", scoreAll];
  if (typeof judge !== "function") {
    throw new Error(`rewardPlugin needs the function \`${name}\`: the scope in plugin.toml is "${scope}"`);
  }
  return {
    describe() {
      const described = params.map((param) => ({ ...param, default: JSON.stringify(param.default) }));
      return { ...globalThis.PLUGIN, scope, parts, params: described };
    },
    score(samples) {
      if (scope === "sample") {
        return samples.map((sample) => result(() => judge(sample)));
      }
      try {
        const judged = entries(judge(samples), samples.length);
        return judged.map((entry) => result(() => entry));
      } catch (error) {
        return samples.map(() => result(() => error));
      }
    },
  };
}

/** What comes of a sample, as the contract has it. */
function result(judged) {
  try {
    const value = judged();
    if (value instanceof Error) {
      throw value;
    }
    const { total, parts, steps } = verdict(value);
    return { tag: "ok", val: { total, parts, steps } };
  } catch (error) {
    const tag = error instanceof Failure ? error.tag : "internal";
    const message = error instanceof Failure ? error.message : told(error);
    return { tag: "err", val: { tag, val: message } };
  }
}

/** What `scoreAll` returned: an entry for each sample. */
function entries(value, count) {
  refusePromise("scoreAll", value);
  if (!Array.isArray(value) || value.length !== count) {
    const length = Array.isArray(value) ? `${value.length} entries` : JSON.stringify(value);
    throw new Internal(`scoreAll must return an array with an entry for each of the ${count} samples, but it returned ${length}`);
  }
  return value;
}

function refusePromise(name, value) {
  if (typeof value?.then === "function") {
    throw new Internal(
      `${name} returned a Promise, which nobody waits for: it is \`async\`, or calls what is. Nothing in a plugin needs waiting; ` +
        "what capabilities answer is returned at once",
    );
  }
}

/** What `score` returned: a verdict, or a number, which is the total. Anything else would end the call without a word. */
function verdict(value) {
  refusePromise("score", value);
  const { total, parts = {}, steps = [] } = typeof value === "number" ? { total: value } : (value ?? {});
  if (typeof total !== "number") {
    throw new Internal(`score must return a number or {total: a number, …}, but it returned ${JSON.stringify(value)}`);
  }
  const named = Object.entries(parts);
  const odd = named.find(([, part]) => typeof part !== "number");
  if (odd !== undefined) {
    throw new Internal(`the part \`${odd[0]}\` must be a number, but it is ${JSON.stringify(odd[1])}`);
  }
  return { total, parts: named, steps };
}

/** An error in a line, with the place where it was thrown. */
function told(error) {
  const place = /\(?\/?(src\/[^\s()]+:\d+:\d+)/.exec(error?.stack ?? "");
  return place ? `${error} (${place[1]})` : String(error);
}

/**
 * The samples of a batch, prompt by prompt.
 *
 * @param {Sample[]} samples
 * @returns {Sample[][]}
 */
export function groups(samples) {
  const found = [];
  for (const sample of samples) {
    if (found.at(-1)?.[0].group === sample.group) {
      found.at(-1).push(sample);
    } else {
      found.push([sample]);
    }
  }
  return found;
}

/**
 * The last turn's text: in a single-turn response, the whole response.
 *
 * @param {Sample} sample
 * @returns {string}
 */
export function lastText(sample) {
  return sample.response.at(-1)?.text ?? "";
}

/**
 * The reference answer as data.
 *
 * @param {Sample} sample
 * @returns {unknown}
 */
export function answer(sample) {
  const value = JSON.parse(sample.answer);
  if (value === null) {
    throw new InvalidReference("there is no reference answer");
  }
  return value;
}

/**
 * The reference answer as text: a string as it is, a number or a boolean as JSON writes it.
 *
 * @param {Sample} sample
 * @returns {string}
 */
export function answerText(sample) {
  const value = answer(sample);
  switch (typeof value) {
    case "string":
      return value;
    case "object":
      throw new InvalidReference(`the reference answer must be a string, a number or a boolean, but it is ${sample.answer}`);
    default:
      // Not `String(value)`, which would write -1.50e3 as -1500.
      return sample.answer.trim();
  }
}

/**
 * A further column of the data; `undefined` where the data has none of that name.
 *
 * @param {Sample} sample
 * @param {string} name
 * @returns {unknown}
 */
export function column(sample, name) {
  const columns = JSON.parse(sample.columns);
  return Object.hasOwn(columns, name) ? columns[name] : undefined;
}

/**
 * A parameter, or `standard` where it is not given. It must be of the same type as `standard`.
 *
 * @template T
 * @param {Sample} sample
 * @param {string} name
 * @param {T} standard
 * @returns {T}
 */
export function param(sample, name, standard) {
  const params = JSON.parse(sample.params);
  if (!Object.hasOwn(params, name)) {
    return standard;
  }
  const wanted = { boolean: "true or false", number: "a number", string: "a string" }[typeof standard];
  if (wanted !== undefined && typeof params[name] !== typeof standard) {
    throw new Internal(`the parameter \`${name}\` must be ${wanted}, but it is ${JSON.stringify(params[name])}`);
  }
  return params[name];
}
