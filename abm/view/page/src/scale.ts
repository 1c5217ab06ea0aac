// Colour scales: which level of a map a value has, and where the ticks of its bar are.

import { LEVELS, OUTSIDE } from "./colours";
import type { Field } from "./source";

export interface Scale {
  low: number;
  high: number;
  log: boolean;
}

/** Highest over lowest value beyond which a scale is logarithmic when nobody says otherwise. */
const LOG_FROM = 8;
/** A logarithmic scale spans at most this factor: what is lower has the lowest colour. */
const WIDEST = 1e4;

/** The scale of a range; a range of nothing becomes one that shows everything as lowest. */
export function scaleOf(low: number | null, high: number | null, wish: "auto" | "linear" | "log"): Scale {
  if (low === null || high === null || !Number.isFinite(low) || !Number.isFinite(high)) return { low: 0, high: 1, log: false };
  const positive = high > 0;
  const log = wish === "log" ? positive : wish === "auto" && positive && low > 0 && high > LOG_FROM * low;
  if (log) {
    const bottom = Math.max(low, high / WIDEST);
    return bottom < high ? { low: bottom, high, log } : { low: high / 10, high, log };
  }
  if (high > low) return { low, high, log: false };
  return { low, high: low + (Math.abs(low) || 1), log: false };
}

/** Share of a value along a scale, from 0 to 1. */
export function shareOf(value: number, scale: Scale): number {
  const share = scale.log
    ? Math.log(Math.max(value, scale.low) / scale.low) / Math.log(scale.high / scale.low)
    : (value - scale.low) / (scale.high - scale.low);
  return Math.min(Math.max(share, 0), 1);
}

const indexed = new WeakMap<Field, { scale: Scale; levels: Uint8Array }>();

/** Level of every value of a field; kept with the field as long as the scale stays. */
export function levelsOf(field: Field, scale: Scale): Uint8Array {
  const there = indexed.get(field);
  if (there && there.scale.low === scale.low && there.scale.high === scale.high && there.scale.log === scale.log) {
    return there.levels;
  }
  const levels = there?.levels ?? new Uint8Array(field.values.length);
  fillLevels(field.values, scale, levels);
  indexed.set(field, { scale, levels });
  return levels;
}

function fillLevels(values: Float32Array, scale: Scale, levels: Uint8Array): void {
  const table = tableOf(scale);
  if (table) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i += 1) levels[i] = table[bits[i] >>> REST];
    return;
  }
  compute(values, scale, levels);
}

function compute(values: Float32Array, { low, high, log }: Scale, levels: Uint8Array): void {
  const top = LEVELS - 1;
  const offset = log ? Math.log(low) : low;
  const step = top / (log ? Math.log(high) - offset : high - low);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i];
    if (value !== value) {
      levels[i] = OUTSIDE;
      continue;
    }
    const level = (log ? (value > low ? Math.log(value) - offset : 0) : value - offset) * step + 0.5;
    levels[i] = level <= 0 ? 0 : level >= top ? top : level;
  }
}

/** Leading bits by which the level of a number is looked up: sign, exponent and 9 of the mantissa, right to 0.1 %. */
const LOOKED_UP = 18;
const REST = 32 - LOOKED_UP;
/** Scales kept: those of the fields side by side. */
const MOST_TABLES = 24;
const tables: { scale: Scale; levels: Uint8Array | null }[] = [];

/**
 * Level of every number by its leading bits, several times as fast as a logarithm for each; null for a scale so narrow
 * that these bits do not tell its levels apart, and for one that is new: scales of single frames are used once.
 */
function tableOf(scale: Scale): Uint8Array | null {
  const { low, high, log } = scale;
  if (log ? high < 2 * low : high - low < 0.5 * Math.max(Math.abs(low), Math.abs(high))) return null;
  const there = tables.find(({ scale: one }) => one.low === low && one.high === high && one.log === log);
  if (!there) {
    tables.push({ scale, levels: null });
    if (tables.length > MOST_TABLES) tables.shift();
    return null;
  }
  if (!there.levels) {
    const levels = new Uint8Array(2 ** LOOKED_UP);
    // The middle of the numbers that share their leading bits.
    const bits = Uint32Array.from(levels, (_, i) => ((i << REST) | (1 << (REST - 1))) >>> 0);
    compute(new Float32Array(bits.buffer), scale, levels);
    there.levels = levels;
  }
  return there.levels;
}

/** Round values along a scale, about `wanted` of them, ends left out when they are not round. */
export function ticksOf(scale: Scale, wanted: number): number[] {
  if (scale.log) {
    const decades = Math.log10(scale.high / scale.low);
    const factors = decades > wanted ? [1] : decades > wanted / 2 ? [1, 3] : [1, 2, 5];
    if (decades * factors.length >= 2) {
      const every = Math.max(Math.ceil(decades / wanted), 1);
      const ticks: number[] = [];
      for (let e = Math.floor(Math.log10(scale.low)); e <= Math.log10(scale.high); e += every) {
        ticks.push(...factors.map((factor) => factor * 10 ** e));
      }
      return ticks.filter((tick) => tick >= scale.low * 0.999 && tick <= scale.high * 1.001);
    }
  }
  const step = roundStep((scale.high - scale.low) / wanted);
  const ticks: number[] = [];
  for (let k = Math.ceil(scale.low / step - 1e-6); k * step <= scale.high + 1e-6 * step; k += 1) ticks.push(k * step);
  return ticks;
}

/** The round number (1, 2, 5 times a power of ten) nearest above a length. */
export function roundStep(length: number): number {
  const power = 10 ** Math.floor(Math.log10(length));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= length * 0.999) ?? 10);
}
