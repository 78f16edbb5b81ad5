// The data that Python writes into the pages, and what their scripts make of it.

/** As in cards.py. */
interface Photo {
  name: string;
  path: string;
  picture: string | null;
  /** Without a picture, the address at which the photo itself is shown; "" if there is none. */
  original?: string;
  /** The degrees clockwise by which it is turned to be shown, if any. */
  turn?: number;
}

/** An image of the catalogue, as in further_neighbours.py. */
type CatalogueImage = [name: string, path: string, label: string, content: string, picture: boolean];

/** As in cards.py. */
interface Similar extends Photo {
  label: string;
  similarity: number;
}

/** The votes of an answer: classes and their votes, the prediction first. */
interface Voted {
  prediction: string;
  votes: [string, number][];
  voters: number;
}

/** As in cards.py. */
interface Product {
  name: string;
  photos: number;
  prediction: string;
}

/** As in cards.py. */
interface QueryCard extends Photo {
  status: "right" | "wrong" | "unlabelled" | "refused" | "rejected";
  label: string;
  prediction: string;
  others: string[];
  votes: [string, number][];
  voters: number;
  similar: Similar[];
  confidence: number | null;
  duplicate: "exact" | "near" | "mirrored" | "";
  duplicate_of: string;
  reason: string;
  content: string | null;
  decision: Mark | "";
  original_label: string;
  review_order: number | null;
  before: string | null;
  extra_columns: [string, string][];
  product: Product | null;
  added: string;
  row: string;
  note: string;
  /** The names of its faults as a photo. */
  photo_faults: string[];
}

/** A card, of which TypeScript can tell by its content whether it can be decided on. */
type Card = QueryCard &
  ({ content: string } | { content: null }) & {
    /** The numbers of the further neighbours in `ReportData.images`, and their similarities. */
    further: [number[], number[]];
  };

/** A row of a decisions.csv. */
type Decision = {
  content_id: string;
  image: string;
  set: string;
  decision: Mark | "undecided";
  label: string;
  when: string;
  note: string;
};

/** The first decision on a content in a collection at a time, and its line. */
type Said = Map<string, { row: Decision; line: number }>;

type Mark = "right" | "wrong" | "out" | "catalogue";

/** A decision in this browser: the project that it is of, and whether a saved file has it. */
type Kept = Decision & { home: string; saved?: string };

/** What is decided of a content, see `stateOf`. */
type State = Record<
  "own" | "here" | "member" | "left" | "former" | "back" | "as",
  Decision | undefined
>;

/** A change of one subject, for undo: what the browser kept before, and what it kept then. */
interface Done {
  subject: string;
  before: Kept | null;
  wrote: Kept | null;
}

/** What saves each decision at once, see saving.js. */
interface Saver {
  start: () => void;
  /** Saves what is not saved yet. */
  send: () => Promise<void>;
  /** Reads what others have saved, too. */
  look: () => Promise<void>;
  /** Returns changes, see `keep`, as decisions that count in a file that keeps all lines. */
  rowsFor: (changes: [string, Kept | null][]) => [string, Kept | null][];
  /** Shows in the bar what is saved. */
  show: (rows: Decision[]) => void;
}

/** What a mark shows, and its title without the key. */
interface Face {
  text: string;
  title: string;
}

/** A photo that can be decided on; `copies` are on its page, `files` in its collection. */
interface Decidable {
  content: string;
  name: string;
  label: string;
  original_label?: string;
  prediction?: string;
  suggestion?: string;
  duplicate?: string;
  decision?: string;
  copies?: number;
  files?: number;
}

/** What a page has for deciding: the collection of its photos, and the catalogue's classes. */
interface Collection {
  set: string;
  classes: string[];
  /** The decisions that the last run knew. */
  decided: Decision[];
}

/** What `startDeciding` is given. */
interface Deciding extends Collection {
  /** By content id. */
  photos: Map<string, Decidable>;
  /** Whether the page was sent as one file, apart from its project. */
  alone?: boolean;
  /** Called before a photo is decided on: returns it as it was kept, or undefined where it was not. */
  keep?: (photo: Decidable) => Promise<Decidable | undefined>;
  /** Whether photos can be dropped on the page, and so no decisions.csv. */
  takesPhotos?: boolean;
  /** Called when decisions have changed. */
  changed?: () => void;
  /** Called with an item to be shown large. */
  open: (item: HTMLElement) => void;
}

/** As results_page.py writes it. */
interface ReportData extends Collection {
  cards: Card[];
  images: CatalogueImage[];
  /** The faults of photos in words, by their names. */
  fault_words: Record<string, string>;
  /** The groups that are shown, with the names of their photos, the most typical first. */
  groups: { number: string; images: string[] }[];
  folder: string;
  /** From the page to where the paths of photos begin. */
  project: string;
  /** As portable.py adds it. */
  portable?: { all: number; address: string; which: string; pictures: Record<string, string> };
}

/** As audit_page.py writes it; `groups` are the findings of each kind. */
interface AuditData extends Collection {
  photos: Decidable[];
  folder: string;
  groups: [string, Finding[]][];
}

/** As in audit_page.py. */
interface AuditPicture extends Photo {
  label: string;
  content: string | null;
}

/** As in audit_page.py. */
interface Finding {
  picture: AuditPicture;
  other: AuditPicture | null;
  other_label: string;
  words: string;
  detail: string;
  decidable: boolean;
  /** The query set of the photo, or "" in the catalogue. */
  set: string;
  /** The degrees clockwise that make a rotated photo upright; 0 for others. */
  turn: number;
  /** Whether most findings like this one are false; they come last of their kind. */
  weak: boolean;
}

/** A photo in the large view: what it is, for its button, and the words below it. */
interface Pane {
  photo: Photo;
  title: string;
  words: string;
}

/** What the large view shows at a time, and what is decided there; `label` and `name` as items have. */
interface Shown {
  content: string | null;
  label?: string;
  name?: string;
  title: string;
  answer: string;
  added?: string;
  asked: Pane;
  others: Pane[];
  more?: More;
}

/** What shows more photos in the large view: the words on its button, and what lets `at` return them. */
interface More {
  words: string;
  open: () => void;
}

/** What `startLarge` is given. */
interface Gallery {
  /** The address of a picture, which the photos name. */
  address: (picture: string) => string;
  /** How many places it has, and what is at each. */
  number: () => number;
  at: (place: number) => Shown;
  /** Called when the view is closed, with the place that it showed last. */
  leave: (place: number) => void;
}

/** What the server says of the catalogue. */
interface AskData {
  images: number;
  classes: string[];
  /** The query set for photos that are kept; null where there is none. */
  inbox: string | null;
  reports: { name: string; address: string }[];
  map: string | null;
  /** The file of decisions, and whether a run uses it. */
  decisions: string;
  decisions_used: boolean;
  /** The command of a run, if one is needed. */
  run: string | null;
  /** The decisions that the last run applied. */
  decided: Decision[];
}

/** As in answer.py. */
interface AnswerNeighbour {
  image: string;
  class: string;
  similarity: number;
  content_id: string;
}

/** As in answer.py; the picture is a data URL. */
interface Answer {
  content_id: string | null;
  prediction: string | null;
  votes: number | null;
  voters: number;
  confidence: number | null;
  likely_classes: string[];
  refused: string | null;
  duplicate: "exact" | "near" | "mirrored" | null;
  duplicate_of: string | null;
  vote_counts: Record<string, number>;
  neighbours: AnswerNeighbour[];
  note: string | null;
  error: string | null;
  picture: string | null;
}

/** A photo on the page that asks, and what its card shows. */
interface Asked {
  id: string;
  file: File;
  card: HTMLElement;
  /** The address of the photo itself; null where a browser cannot show it. */
  picture: string | null;
  isAsking: boolean;
  answer: Answer | null;
  /** Why there is no answer, and whether it helps to try again. */
  problem: (Error & { passes: boolean }) | null;
  /** Why it could not be kept. */
  notKept: string;
  /** The neighbours that were followed. */
  trail: Similar[];
  /** What is most similar to the photo, or to the last one of the trail. */
  found: Similar[];
  /** Why nothing is found, and whether it helps to try again. */
  notFound: (Error & { passes: boolean }) | null;
}

/** What a point of the map is drawn as. */
type Shape = "disc" | "square" | "diamond" | "triangle";

/** How points are drawn: a colour of the style sheet, and how much larger than others. */
interface Look {
  colour: string;
  shape: Shape;
  grown: number;
}

/** The pixels that a point covers, as offsets in the image, and how much of each, up to 256. */
interface Stamp {
  reach: number;
  colour: number;
  offsets: Int32Array;
  shares: Uint16Array;
}

/** A picture on the canvas, in CSS pixels. */
interface Placed {
  point: number;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What `startAtlas` is given; points are named by their number. */
interface Atlas {
  /** Coordinates from 0 to 1. */
  x: Float64Array;
  y: Float64Array;
  /** The points that are drawn, those on top last. */
  order: Int32Array;
  /** Of each point, which of `looks` it has. */
  lookOf: Uint8Array;
  looks: Look[];
  /** The address of the picture of a point, or null. */
  address: (point: number) => string | null;
  words: (point: number) => string[];
  /** Whether dragging selects, also without Shift. */
  dragsLasso: () => boolean;
  open: (point: number) => void;
  selected: (points: number[]) => void;
  ended: () => void;
}

/** As map_page.py writes it: the points as columns. */
interface MapData extends Collection {
  points: {
    names: string[];
    paths: string[];
    contents: string[];
    /** 1 for those with a picture. */
    pictured: number[];
    files: number[];
    /** Places in `classes`. */
    labels: number[];
    fits: (boolean | null)[];
    /** What the neighbours vote for, as a place in `classes`. */
    voted: (number | null)[];
    x: number[];
    y: number[];
  };
  /** The largest coordinate. */
  side: number;
  folder: string;
}
