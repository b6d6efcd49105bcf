import { element, rasterize } from './element.ts';
import type { SourceOptions } from './pictures.ts';

type Point = [x: number, y: number];

/** The longer side, in canvas pixels. */
const side = 448;
/** The colour of a network that sees only grey, and until another is chosen. */
const white = '#ffffff';
const filling = '#b8b8b8';
const paper = '#000';
/** From a stroke to its request. Strokes in between are part of it. */
const drawMilliseconds = 60;

interface Stroke {
  points: Point[];
  isFilled: boolean;
  width: number;
  /** As CSS writes it. */
  colour: string;
}

interface Pen {
  x: number;
  y: number;
  isDown: boolean;
}

function paint(context: CanvasRenderingContext2D, strokes: Stroke[], pen: Pen | null): void {
  const { canvas } = context;
  context.fillStyle = paper;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.lineCap = 'round';
  context.lineJoin = 'round';
  for (const { points, isFilled, width, colour } of strokes) {
    context.strokeStyle = colour;
    context.fillStyle = colour === white ? filling : colour;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    // A dot is a line to its own start.
    if (points.length === 1) context.lineTo(...(points[0] as Point));
    if (isFilled) context.fill();
    context.lineWidth = width;
    context.stroke();
  }
  if (!pen) return;
  context.beginPath();
  context.arc(pen.x, pen.y, 10, 0, 2 * Math.PI);
  context.lineWidth = 2;
  context.strokeStyle = pen.isDown ? '#8f7dff' : '#888';
  context.stroke();
}

const keySteps: Record<string, Point> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface PointerHandlers {
  begin(x: number, y: number): void;
  extend(x: number, y: number): void;
  change(): void;
}

function listenForPointer(canvas: HTMLCanvasElement, handlers: PointerHandlers): void {
  const positionOf = (event: PointerEvent): Point => {
    const box = canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) / box.width) * canvas.width,
      ((event.clientY - box.top) / box.height) * canvas.height,
    ];
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    handlers.begin(...positionOf(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length > 0 ? moves : [event]) handlers.extend(...positionOf(move));
    handlers.change();
  });
}

/**
 * The drawing area: light on dark, like the data set, or in any colour if the network sees some. Mouse, pen and finger draw. So do the arrow keys, after the
 * space bar has put the pen down.
 */
function openDrawing(onChange: () => void) {
  const canvas = element('paper', HTMLCanvasElement);
  const context = canvas.getContext('2d') as CanvasRenderingContext2D;
  const fill = element('fill', HTMLInputElement);
  const width = element('pen', HTMLInputElement);
  const ink = element('ink', HTMLInputElement);
  const inkTool = element('ink-tool', HTMLElement);
  const undo = element('undo', HTMLButtonElement);
  const clear = element('clear', HTMLButtonElement);
  let strokes: Stroke[] = [];
  let pen: Pen | null = null;

  function repaint(): void {
    paint(context, strokes, pen);
    undo.disabled = clear.disabled = strokes.length === 0;
  }

  function change(): void {
    repaint();
    onChange();
  }

  function begin(x: number, y: number): void {
    const lineWidth = (Number(width.value) / 100) * Math.max(canvas.width, canvas.height);
    const colour = inkTool.hidden ? white : ink.value;
    strokes.push({ points: [[x, y]], isFilled: fill.checked, width: lineWidth, colour });
    change();
  }

  const extend = (x: number, y: number) => strokes.at(-1)?.points.push([x, y]);

  listenForPointer(canvas, {
    begin(x, y) {
      pen = null;
      begin(x, y);
    },
    extend,
    change,
  });
  canvas.addEventListener('keydown', (event) => {
    pen ??= { x: canvas.width / 2, y: canvas.height / 2, isDown: false };
    const step = keySteps[event.key];
    if (step) {
      movePen(pen, step, event.shiftKey ? 4 : 16, canvas);
      if (pen.isDown) extend(pen.x, pen.y);
    } else if (event.key === ' ') {
      pen.isDown = !pen.isDown;
      if (pen.isDown) begin(pen.x, pen.y);
    } else return;
    event.preventDefault();
    if (pen.isDown) change();
    else repaint();
  });
  canvas.addEventListener('blur', () => {
    pen = null;
    repaint();
  });
  undo.addEventListener('click', () => {
    strokes.pop();
    change();
  });
  clear.addEventListener('click', () => {
    strokes = [];
    change();
  });
  repaint();
  return {
    canvas,
    get isEmpty() {
      return strokes.length === 0;
    },
    /** Sets the network's proportions, and whether it sees colours. If the proportions change, the drawing is lost. */
    resize(height: number, width: number, channels: number): void {
      inkTool.hidden = channels === 1;
      const scale = side / Math.max(height, width);
      const size = [Math.round(width * scale), Math.round(height * scale)] as const;
      if (canvas.width === size[0] && canvas.height === size[1]) return;
      [canvas.width, canvas.height] = size;
      strokes = [];
      repaint();
    },
  };
}

/** Keeps the pen within the canvas. */
function movePen(
  pen: Pen,
  step: readonly [number, number],
  length: number,
  { width, height }: HTMLCanvasElement,
): void {
  pen.x = Math.min(width, Math.max(0, pen.x + length * step[0]));
  pen.y = Math.min(height, Math.max(0, pen.y + length * step[1]));
}

/** Predicts the drawing while it changes. */
export function openDrawingSource({ show, clear }: SourceOptions, isCurrent: () => boolean) {
  let timer = 0;
  const drawing = openDrawing(() => {
    if (!isCurrent()) return;
    if (drawing.isEmpty) return clear('Draw something');
    // Only the first stroke starts the timer, so answers keep coming during a long line.
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      if (isCurrent()) showDrawing();
    }, drawMilliseconds);
  });

  async function showDrawing(): Promise<void> {
    const { canvas } = drawing;
    const blob = await rasterize(canvas, canvas.width, canvas.height).canvas.convertToBlob();
    await show({ kind: 'own', origin: 'drawing', blob });
  }

  return {
    open: () => (drawing.isEmpty ? clear('Draw something') : showDrawing()),
    resize: drawing.resize,
  };
}
