import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'data/', 'src/web/assets/', 'eslint.config.js', '.dependency-cruiser.cjs', 'scripts/'] },
  {
    files: ['src/**/*.ts', 'projections/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-assertions': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
    },
  },
  {
    // Everything else folds from a copy: see src/domain/journey/fold.ts.
    files: ['src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/journey/fold.ts'],
              importNames: ['applyInPlace', 'ownFacts', 'OwnFacts'],
              message: 'Only the batch processor changes a state in place. Use evolve, fold or foldFacts.',
            },
          ],
        },
      ],
    },
  },
  { files: ['src/cli/**', 'bench/**', 'src/main.ts'], rules: { 'no-console': 'off' } },
)
