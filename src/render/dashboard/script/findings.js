// The findings.

const GROUPS = { critical: 'Critical', warning: 'Warnings', info: 'Information' };
const findings = new Map();

function renderFindings(status, first) {
  // A missing name does not hide a problem.
  const incomplete = status.problems.some((problem) => problem.code !== 'NAMES_UNREADABLE') || status.networks.some((network) => network.peers === null);
  const serious = status.findings.some((finding) => finding.severity !== 'info');
  setVisible($('#findings'), status.networks.length > 0 || status.findings.length > 0);
  setVisible($('#verdict'), !serious);
  setText($('#verdict'), incomplete ? 'No problems found, but some data could not be read.' : 'No problems found.');
  $('#verdict').className = incomplete ? '' : 'good';

  const occurrences = new Map();
  const groups = { critical: [], warning: [], info: [] };
  const fresh = [];
  const seen = new Set();
  for (const finding of status.findings) {
    // One rule may report several peers of a network, each in its own finding.
    const rule = JSON.stringify([finding.severity, finding.id, finding.netns, finding.interface]);
    const occurrence = (occurrences.get(rule) ?? 0) + 1;
    occurrences.set(rule, occurrence);
    const key = `${rule} ${occurrence}`;
    seen.add(key);
    if (!findings.has(key)) {
      findings.set(key, createFinding(finding));
      if (!first && finding.severity !== 'info') fresh.push(`${finding.severity}: ${finding.interface}: ${finding.summary}`);
    }
    updateFinding(findings.get(key), finding);
    groups[finding.severity]?.push(findings.get(key));
  }
  for (const key of findings.keys()) if (!seen.has(key)) findings.delete(key);
  for (const [severity, nodes] of Object.entries(groups)) {
    const group = $(`#findings .${severity}`);
    setVisible(group, nodes.length > 0);
    setText($('h3', group), `${GROUPS[severity]} (${nodes.length})`);
    keepFocus($('#findings-title'), () => arrangeChildren($('ul', group), nodes));
  }
  if (fresh.length) announce(printable(`New: ${fresh.slice(0, 3).join('; ')}`));
}

/** Runs `change`. If it removes the focused node, focus moves to `heading` instead of the top of the page. */
function keepFocus(heading, change) {
  const before = document.activeElement;
  change();
  if (before && before !== document.body && !before.isConnected) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
}

function createFinding(finding) {
  const node = cloneTemplate('#finding');
  node.dataset.finding = finding.id;
  $('button', node).addEventListener('click', () => copyText($('code', node), $('button', node)));
  return node;
}

function updateFinding(node, finding) {
  setText($('.severity', node), { critical: '‼ Critical', warning: '! Warning', info: 'i Info' }[finding.severity] ?? '');
  const link = $('a', node);
  const card = cards.get(keyOf(finding));
  if (card) setAttr(link, 'href', `#${card.root.id}`);
  else link.removeAttribute('href');
  setText(link, `${printable(finding.interface)}${netnsSuffix(finding)}`);
  setText($('.summary', node), printable(finding.summary));
  setText($('.cause', node), sentence(printable(finding.cause)));
  setText($('code', node), printable(finding.remedy));
  setAttr($('button', node), 'aria-label', `Copy the fix for ${printable(finding.interface)}: ${finding.id}`);
  setText($('.manual', node), `See also: ${finding.manual}`);
  // The summary names a single peer.
  setVisible($('.affected', node), finding.peers.length > 1);
  const more = finding.peers.length < finding.count && finding.unit === 'peers' ? `the first ${finding.peers.length} of ` : '';
  setText($('.affected summary', node), `Affected peers: ${more}${formatCount(more ? finding.count : finding.peers.length)}`);
  const names = finding.peers.map((key) => printable(card?.names.get(key) ?? key));
  setChildren($('.affected ul', node), names.map((name) => element('li', {}, element('bdi', {}, name))));
}

async function copyText(code, button) {
  let result = 'Copied';
  try {
    // Browsers allow the clipboard only over https and on localhost.
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    getSelection().selectAllChildren(code);
    result = 'Selected';
  }
  setText(button, result);
  announce(result === 'Copied' ? 'Copied.' : 'Selected: press Ctrl+C to copy.');
  setTimeout(() => setText(button, 'Copy'), 2500);
}
