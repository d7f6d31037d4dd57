// The JSON schema of scenario files takes the files that the emulator takes, and no others.

import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv/dist/2020.js";
import { parse } from "yaml";
import { Checks } from "./emulator.mjs";

const crate = process.argv[2];
const checks = new Checks();
const printed = execFileSync(process.env.DINOAI_EMULATOR, ["--print-schema"], { encoding: "utf8" });
// Formats only say how wide a number is.
const ajv = new Ajv({ strict: true, strictRequired: false, validateFormats: false });
const validate = ajv.compile(JSON.parse(printed));
const read = (...path) => parse(readFileSync(join(crate, ...path), "utf8"));

checks.check("tour.yml", validate(read("scenarios", "tour.yml")), JSON.stringify(validate.errors));
checks.check("an empty file", validate({}));
const refused = readdirSync(join(crate, "tests", "emulator", "refused_scenarios"));
checks.check("there are files to refuse", refused.length > 10);
for (const name of refused.sort()) {
  checks.check(`${name} is refused`, !validate(read("tests", "emulator", "refused_scenarios", name)));
}
checks.close();
