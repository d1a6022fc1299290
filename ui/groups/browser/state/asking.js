// Questions about the groups, and which answers count: only the newest question's. That the person changed which groups
// are shown (fresh) is not lost with the answer to an older question: the next one that counts is taken as fresh.
export class Asking {
  // fetchState(seen) resolves to the groups now, or to { same: true } if nothing is newer than `seen`.
  constructor({ fetchState, onState, onError }) {
    this.fetchState = fetchState;
    this.onState = onState;
    this.onError = onError;
    this.number = 0;
    this.wantsFresh = false;
  }

  async ask({ fresh = false, seen = "" } = {}) {
    this.wantsFresh ||= fresh;
    const number = ++this.number;
    try {
      const state = await this.fetchState(this.wantsFresh ? "" : seen);
      if (number === this.number && !state.same) this.take(state);
    } catch (error) {
      if (this.wantsFresh) this.onError(error);
    }
  }

  // Answers that are on their way are older than what is known or done now.
  drop() {
    this.number++;
  }

  take(state) {
    this.drop();
    const fresh = this.wantsFresh;
    this.wantsFresh = false;
    this.onState(state, { fresh });
  }
}
