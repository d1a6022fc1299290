// Actions on groups on their way to the disk.
import { Sending } from "../../../board/browser/state/sending.js";

const LONGEST_BATCH = 20;
const STUCK_MS = 60_000; // a name for a hundred thousand crops takes a while

export class Sender extends Sending {
  constructor({ project, run, onChange, onAnswer }) {
    super({ prefix: `anomalure.${project}.group.`, longestBatch: LONGEST_BATCH, stuckMs: STUCK_MS, onChange });
    this.run = run;
    this.onAnswer = onAnswer;
    this.k = 0;
  }

  add(item) {
    super.add([item]);
  }

  isWhole({ id, run, kind }) {
    return id && run && kind;
  }

  renewPass({ pass, reviewer }) {
    for (const item of this.items) if (item.reviewer === reviewer || !item.reviewer) Object.assign(item, { pass, reviewer });
    if (this.items.length) this.sendNow();
  }

  address(run) {
    return `/api/runs/${encodeURIComponent(run)}/groups/actions`;
  }

  body(run, batch) {
    return { k: this.k, actions: batch.map(({ run: _, reviewer: __, ...rest }) => rest) };
  }

  lane({ run }) {
    return run; // each action is about the groups that the one before has left
  }

  take({ saved, refused, ...values }, batch) {
    this.forget(new Set([...Object.keys(saved), ...Object.keys(refused)]));
    const state = batch[0].run === this.run ? values.state : null;
    return () => this.onAnswer({ saved, refused, items: batch, state });
  }
}
