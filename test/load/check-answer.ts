import { type ProblemCode, problems } from '../../edge/errors.ts';
import type { SentAnswer } from '../fuzz/send-request.ts';
import type { AliasMover } from './alias-mover.ts';
import { maxDifference, type PublishedVersions } from './publish-versions.ts';
import { goodStatuses, type Question, type Said } from './question.ts';

/** The problems that a failing bucket may cause: for requests of another model than the served one, and for the list of models. */
const allowed: ProblemCode[] = ['store_failed', 'busy'];

/** The maximum difference between the probabilities of the Worker's kernels and TensorFlow.js's. */
const tolerance = 1e-5;

/**
 * How long a version may answer after the alias has left it. The alias is checked if the last check is 2 s old, and the next version
 * loaded; after a failed read, the next poll is 2 s later: this allows four failed polls in a row.
 */
const maxBehindMilliseconds = 12_000;

export interface Checked {
  /** The key of its count: the status, and a problem's code. */
  outcome: string;
  /** The fault; `null` if there is none. */
  fault: string | null;
  /** How long the version that answered had not been the current one; `null` if the request named no alias. */
  behind: number | null;
}

/** When a request was sent and its answer had come, by `performance.now`. */
export interface Span {
  from: number;
  to: number;
}

export function answerJudge(expected: PublishedVersions['expected'], mover: AliasMover) {
  return function judge(question: Question, answer: SentAnswer, span: Span): Checked {
    if (!goodStatuses.includes(answer.status)) return judgeProblem(question, answer);
    const outcome = String(answer.status);
    const faulty = (fault: string): Checked => ({ outcome, fault, behind: null });
    let said: Said | null;
    try {
      said = question.read(answer);
    } catch (error) {
      return faulty(String(error));
    }
    if (said === null) return { outcome, fault: null, behind: null };
    const { version } = said;
    const header = answer.headers['x-catwalk-version'];
    if (header !== undefined && header !== version) {
      return faulty(`X-Catwalk-Version is ${header}, the body has ${version}`);
    }
    const wrong = wrongPrediction(said);
    if (wrong) return faulty(wrong);
    const { pinned } = question;
    if (pinned !== null) {
      return version === pinned
        ? { outcome, fault: null, behind: null }
        : faulty(`${pinned} was asked for, ${version} answered`);
    }
    const behind = mover.behind(version, span.from, span.to);
    if (behind === null) return faulty(`production has not named ${version} yet`);
    if (behind <= maxBehindMilliseconds) return { outcome, fault: null, behind };
    return { ...faulty(`${version} has not been production's for ${behind} ms`), behind };
  };

  function wrongPrediction({ version, predictions }: Said): string | null {
    const ofVersion = expected.get(version);
    if (!ofVersion) return `there is no version ${version}`;
    for (const { image, probabilities } of predictions) {
      const difference = maxDifference(probabilities, ofVersion[image] ?? []);
      if (difference <= tolerance) continue;
      return `${version} does not say this of image ${image}, it differs by ${difference}: ${probabilities}`;
    }
    return null;
  }
}

/** The protocols have no codes: their errors are counted by status. */
function judgeProblem({ route, pinned }: Question, answer: SentAnswer): Checked {
  const text = Buffer.from(answer.body).toString();
  const isProblem = answer.contentType === 'application/problem+json';
  const code = isProblem ? String(JSON.parse(text).code) : '';
  const outcome = `${answer.status} ${code}`.trim();
  const isAllowed = isProblem
    ? allowed.some((each) => each === code && problems[each].status === answer.status)
    : answer.contentType === 'application/json' && answer.status === 503;
  const needsBucket = pinned !== null || route === 'GET /models';
  const isWhole = isAllowed && needsBucket && answer.headers['retry-after'] !== undefined;
  return { outcome, fault: isWhole ? null : `answered ${outcome}: ${text}`, behind: null };
}
